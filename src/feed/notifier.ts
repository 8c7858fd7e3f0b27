/** Wakes all waiters, like a condition variable. */
export class Notifier {
  #waiters = new Set<() => void>();

  /** Returns the number of waiters woken. */
  notifyAll(): number {
    const woken = this.#waiters;
    this.#waiters = new Set();
    for (const wake of woken) wake();
    return woken.size;
  }

  /**
   * Returns a function whose calls each resolve at the next `notifyAll`, or when `signal` aborts. `signal` belongs to this
   * waiter alone; it is listened to once, because a listener costs more than a wait.
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
