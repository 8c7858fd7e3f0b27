import type { Clock } from "../clock.ts";

/** How long what was found counts, from when it was asked for. With the limit of a check nothing is told that is over 2 s old. */
const CACHE_MS = 1_000;
/** A service that leaves so many without an answer is asked no more until it has answered one. */
const MAX_PENDING = 3;

/** Looks whether a service answers; those who ask at about the same time share the answer, however many they are. */
export class CachedHealthCheck {
  readonly #check: () => Promise<void>;
  readonly #clock: Clock;
  #latest: { readonly at: number; readonly result: Promise<void> } | undefined;
  #pending = 0;

  /** `check` rejects when the service does not answer. */
  constructor(check: () => Promise<void>, clock: Clock) {
    this.#check = check;
    this.#clock = clock;
  }

  /** Rejects when the service does not answer. */
  run(): Promise<void> {
    const now = this.#clock.now();
    const age = this.#latest ? now - this.#latest.at : Infinity;
    // A clock that was set back makes nothing younger.
    if (this.#latest && age >= 0 && age < CACHE_MS) return this.#latest.result;
    if (this.#pending >= MAX_PENDING) return Promise.reject(new Error("No answer to those before"));
    this.#pending++;
    const result = this.#check().finally(() => this.#pending--);
    this.#latest = { at: now, result };
    return result;
  }
}
