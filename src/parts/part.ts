/** What lives long. */
export interface Part {
  run(signal: AbortSignal): Promise<void>;
}

/** Runs all until `signal` aborts; when one fails, `failed` aborts, the others stop too, and it throws what that one threw. */
export async function runAll(
  parts: readonly Part[],
  signal: AbortSignal,
  failed = new AbortController(),
): Promise<void> {
  const stop = AbortSignal.any([signal, failed.signal]);
  const outcomes = await Promise.allSettled(parts.map((part) =>
    part.run(stop).catch((error) => {
      failed.abort();
      throw error;
    })
  ));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
