/** Wakes everybody who waits for it. */
export class Notifier {
  #waiters = new Set<() => void>();

  /** Returns how many are woken. */
  notifyAll(): number {
    const woken = this.#waiters;
    this.#waiters = new Set();
    for (const wake of woken) wake();
    return woken.size;
  }

  /**
   * What one listener waits by, again and again: each call resolves at the next ring, or when `signal` aborts, which is the
   * listener's own. It is asked for once, as to listen to a signal costs more than to wait.
   */
  waiter(signal: AbortSignal): () => Promise<void> {
    let wake = () => {};
    signal.addEventListener("abort", () => {
      this.#waiters.delete(wake);
      wake();
    }, { once: true });
    return () => {
      if (signal.aborted) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      this.#waiters.add(wake);
      return promise;
    };
  }
}
