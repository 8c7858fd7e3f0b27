/** Whoever asks waits no longer. */
const LIMIT_MS = 5_000;

/** What `/health` answers: the status of the answer, the word for it, and the services. */
export async function healthOf(url: string): Promise<readonly [number, unknown, unknown]> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(LIMIT_MS) });
  const { status, services } = await response.json();
  return [response.status, status, services];
}

export async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) });
  await response.body?.cancel();
  return response.status;
}
