/** Makes a call once for all who want it at the same time, by a key. */
export class SharedCalls<Key, Result> {
  readonly #underWay = new Map<Key, Promise<Result>>();

  /** The outcome of the call that is under way for this key, or else of `call`. */
  run(key: Key, call: () => Promise<Result>): Promise<Result> {
    const shared = this.#underWay.get(key);
    if (shared) return shared;
    const begun = call().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, begun);
    return begun;
  }
}
