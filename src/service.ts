/** A part of the program that runs until its signal aborts. */
export interface Service {
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Runs all services until `signal` aborts. If one fails, the others stop, and it throws that error. `stop` aborts in both cases,
 * before the services have stopped.
 */
export async function runServices(
  services: readonly Service[],
  signal: AbortSignal,
  stop = new AbortController(),
): Promise<void> {
  const abort = () => stop.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  const outcomes = await Promise.allSettled(
    services.map((service) =>
      service.run(stop.signal).catch((error) => {
        stop.abort();
        throw error;
      })
    ),
  );
  signal.removeEventListener("abort", abort);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
