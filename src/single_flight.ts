/** Deduplicates concurrent calls by key. */
export class SingleFlight<Key, Result> {
  readonly #inFlight = new Map<Key, Promise<Result>>();

  /** Returns the result of the pending call for `key`, or starts `call`. */
  run(key: Key, call: () => Promise<Result>): Promise<Result> {
    const pending = this.#inFlight.get(key);
    if (pending) return pending;
    const started = call().finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, started);
    return started;
  }
}
