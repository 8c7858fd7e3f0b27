/** Makes a call once for all who want it at the same time, by a key. */
export class SingleFlight<Key, Result> {
  readonly #inFlight = new Map<Key, Promise<Result>>();

  /** The outcome of the call that is under way for this key, or else of `call`. */
  run(key: Key, call: () => Promise<Result>): Promise<Result> {
    const pending = this.#inFlight.get(key);
    if (pending) return pending;
    const started = call().finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, started);
    return started;
  }
}
