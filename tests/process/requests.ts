/** The time limit of a response. */
const TIMEOUT_MS = 5_000;

/** The response of `/health`: HTTP status, status and services. */
export async function fetchHealth(url: string): Promise<readonly [number, unknown, unknown]> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const { status, services } = await response.json();
  return [response.status, status, services];
}

export async function fetchStatus(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  await response.body?.cancel();
  return response.status;
}
