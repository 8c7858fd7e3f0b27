/** Counts the connected clients. Work that only serves clients starts with the first and pauses after the last. */
export class ActiveClients {
  #size = 0;
  /** Resolves when there is a client; replaced when the last disconnects. */
  #firstAdded = Promise.withResolvers<void>();
  /** Aborts when the last client disconnects; replaced when the next connects. */
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

  /** Resolves as soon as there is a client, or `signal` aborts. */
  async waitForFirst(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const stopped = Promise.withResolvers<void>();
    const stop = () => stopped.resolve();
    signal.addEventListener("abort", stop, { once: true });
    await Promise.race([this.#firstAdded.promise, stopped.promise]);
    signal.removeEventListener("abort", stop);
  }

  /** Aborts when the last of the current clients disconnects. */
  get idleSignal(): AbortSignal {
    return this.#idle.signal;
  }
}
