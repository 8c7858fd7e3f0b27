/** Who listens right now. Work that only serves listeners starts with the first and rests when the last has left. */
export class ActiveClients {
  #size = 0;
  #firstAdded = Promise.withResolvers<void>();
  #idle = new AbortController();

  get size(): number {
    return this.#size;
  }

  add(): void {
    if (this.#size++ > 0) return;
    this.#idle = new AbortController();
    this.#firstAdded.resolve();
  }

  remove(): void {
    if (--this.#size > 0) return;
    this.#firstAdded = Promise.withResolvers();
    this.#idle.abort();
  }

  /** Resolves as soon as somebody listens, or `signal` aborts. */
  async waitForFirst(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const stopped = Promise.withResolvers<void>();
    const stop = () => stopped.resolve();
    signal.addEventListener("abort", stop, { once: true });
    await Promise.race([this.#firstAdded.promise, stopped.promise]);
    signal.removeEventListener("abort", stop);
  }

  /** Aborts when the last of those who listen now has left. */
  get idleSignal(): AbortSignal {
    return this.#idle.signal;
  }
}
