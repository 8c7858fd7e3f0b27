import { z } from "zod";
import { RefusedError } from "../errors.ts";
import type { Answer } from "./transport.ts";

/** More than the addresses that are asked again and again; one answer is some kilobytes. */
const KEPT_ANSWERS = 500;

/** One page of an answer in our words, and the address of the next. */
export interface Page<T> {
  readonly value: T;
  readonly next: string | undefined;
}

/** An answer that may be asked for again with `If-None-Match`. */
export interface Kept<T> {
  readonly etag: string;
  readonly page: Page<T>;
}

/** Whose answer, and to what. ETags differ by credential: https://github.com/github/docs/issues/34689 */
export interface Key {
  /** A digest, never the credential itself. */
  readonly credential: string;
  readonly url: string;
}

/**
 * How GitHub's answers of one kind are read, and the latest used of them, kept in our words with their ETags.
 * Another credential drops them all.
 */
export class Answers<T> {
  readonly #schema: z.ZodType<T>;
  readonly #limit: number;
  /** By address, the least recently used first. */
  readonly #kept = new Map<string, Kept<T>>();
  #credential = "";

  constructor(schema: z.ZodType<T>, limit = KEPT_ANSWERS) {
    this.#schema = schema;
    this.#limit = limit;
  }

  /** @throws {RefusedError} `unavailable`, naming the first field that is not as GitHub documents it */
  read({ to, body }: Answer): T {
    const result = this.#schema.safeParse(body);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    const where = issue?.path.length ? `${z.core.toDotPath(issue.path)}: ` : "";
    const message = `GitHub's answer to ${to} is not as documented: ${where}${issue?.message}`;
    throw new RefusedError({ kind: "unavailable" }, message);
  }

  find({ credential, url }: Key): Kept<T> | undefined {
    if (credential !== this.#credential) {
      this.#kept.clear();
      this.#credential = credential;
    }
    const kept = this.#kept.get(url);
    if (kept) this.#put(url, kept);
    return kept;
  }

  /** Does nothing when the credential has changed since it was asked. */
  keep({ credential, url }: Key, kept: Kept<T>): void {
    if (credential !== this.#credential) return;
    this.#put(url, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#limit && oldest !== undefined) this.#kept.delete(oldest);
  }

  #put(url: string, kept: Kept<T>): void {
    this.#kept.delete(url);
    this.#kept.set(url, kept);
  }
}
