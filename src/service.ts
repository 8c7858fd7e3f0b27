/** What lives long. */
export interface Service {
  run(signal: AbortSignal): Promise<void>;
}

/** Runs all until `signal` aborts; when one fails, `failed` aborts, the others stop too, and it throws what that one threw. */
export async function runServices(
  services: readonly Service[],
  signal: AbortSignal,
  failed = new AbortController(),
): Promise<void> {
  const stop = AbortSignal.any([signal, failed.signal]);
  const outcomes = await Promise.allSettled(
    services.map((service) =>
      service.run(stop).catch((error) => {
        failed.abort();
        throw error;
      })
    ),
  );
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
