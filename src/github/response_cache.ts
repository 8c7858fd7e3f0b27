import { LRUCache } from "lru-cache";
import { z } from "zod";
import { GitHubError } from "../errors.ts";
import type { GitHubResponse } from "./transport.ts";

/** More than the URLs that are polled; one response is some kilobytes. */
const MAX_CACHED_RESPONSES = 500;

/** One parsed page of a response, and the URL of the next page. */
export interface ResponsePage<T> {
  readonly value: T;
  readonly next: string | undefined;
}

/** A response that can be requested again with `If-None-Match`. */
interface CachedResponse<T> {
  readonly etag: string;
  readonly page: ResponsePage<T>;
}

/** ETags differ by credential: https://github.com/github/docs/issues/34689 */
interface CacheKey {
  /** A digest, never the credential itself. */
  readonly credential: string;
  readonly url: string;
}

/** The used part of LRUCache, whose own type would make a cache of `T[]` no cache of `readonly T[]`. */
interface Entries<T> {
  get(url: string): CachedResponse<T> | undefined;
  set(url: string, cached: CachedResponse<T>): unknown;
  clear(): void;
}

/**
 * Parses responses of one kind, and caches the most recently used with their ETags. A new credential clears the cache.
 */
export class ResponseCache<T> {
  readonly #schema: z.ZodType<T>;
  /** By URL; `undefined` if the limit is 0. */
  readonly #entries: Entries<T> | undefined;
  #credential = "";

  constructor(schema: z.ZodType<T>, limit = MAX_CACHED_RESPONSES) {
    this.#schema = schema;
    this.#entries = limit > 0 ? new LRUCache<string, CachedResponse<T>>({ max: limit }) : undefined;
  }

  /** @throws {GitHubError} `unavailable`, naming the first invalid field */
  parse({ endpoint, body }: GitHubResponse): T {
    const result = this.#schema.safeParse(body);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    const path = issue?.path.length ? `${z.core.toDotPath(issue.path)}: ` : "";
    const message = `GitHub's answer to ${endpoint} is not as documented: ${path}${issue?.message}`;
    throw new GitHubError({ kind: "unavailable" }, message);
  }

  find({ credential, url }: CacheKey): CachedResponse<T> | undefined {
    if (credential !== this.#credential) {
      this.#entries?.clear();
      this.#credential = credential;
    }
    return this.#entries?.get(url);
  }

  /** Does nothing if the credential has changed since the request. */
  store({ credential, url }: CacheKey, cached: CachedResponse<T>): void {
    if (credential === this.#credential) this.#entries?.set(url, cached);
  }
}
