/** Who listens right now. Work that only serves listeners starts with the first and rests when the last has left. */
export class Audience {
  #size = 0;
  #present = Promise.withResolvers<void>();
  #absent = new AbortController();

  get size(): number {
    return this.#size;
  }

  enter(): void {
    if (this.#size++ > 0) return;
    this.#absent = new AbortController();
    this.#present.resolve();
  }

  leave(): void {
    if (--this.#size > 0) return;
    this.#present = Promise.withResolvers();
    this.#absent.abort();
  }

  /** Resolves as soon as somebody listens, or `signal` aborts. */
  async present(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const stopped = Promise.withResolvers<void>();
    const stop = () => stopped.resolve();
    signal.addEventListener("abort", stop, { once: true });
    await Promise.race([this.#present.promise, stopped.promise]);
    signal.removeEventListener("abort", stop);
  }

  /** Aborts when the last of those who listen now has left. */
  get absent(): AbortSignal {
    return this.#absent.signal;
  }
}
