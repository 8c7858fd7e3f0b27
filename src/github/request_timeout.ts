import type { Clock } from "../clock.ts";
import { GitHubError, toErrorMessage } from "../errors.ts";

/**
 * GitHub itself ends a request after 10 s; past that nothing comes but a broken connection.
 * https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
 */
export const REQUEST_TIMEOUT_MS = 10_000;

/**
 * What `ask` gets from GitHub, its body included. `to` is method and path, for messages.
 * @throws {GitHubError} `unavailable` when there is no answer within REQUEST_LIMIT_MS, or the connection breaks
 * @throws the signal's reason when it aborts
 */
export async function withRequestTimeout<T>(
  endpoint: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const request = new AbortController();
  const ended = new AbortController();
  signal.addEventListener("abort", () => request.abort(), { signal: ended.signal });
  void clock.sleep(REQUEST_TIMEOUT_MS, ended.signal).then(() => request.abort());
  try {
    const response = await send(request.signal);
    // Octokit takes a body that broke off for an empty one, so success alone says too little.
    if (!request.signal.aborted) return response;
  } catch (error) {
    if (!request.signal.aborted) {
      const message = `Cannot reach GitHub for ${endpoint}: ${toSafeMessage(error)}`;
      throw new GitHubError({ kind: "unavailable" }, message);
    }
  } finally {
    ended.abort();
  }
  signal.throwIfAborted();
  const seconds = REQUEST_TIMEOUT_MS / 1_000;
  throw new GitHubError(
    { kind: "unavailable" },
    `GitHub did not answer ${endpoint} within ${seconds} s`,
  );
}

/** What fetch says, without the address: its query is nobody's business. */
function toSafeMessage(error: unknown): string {
  return toErrorMessage(error).replaceAll(/ for url \([^)]*\)/g, "");
}
