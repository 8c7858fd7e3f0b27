import type { Clock } from "../clock.ts";
import { GitHubError, toErrorMessage } from "../errors.ts";

/**
 * GitHub itself terminates requests after 10 s.
 * https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
 */
export const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Returns the result of `send`, which must include reading the body. `endpoint` is method and path, for error messages.
 * @throws {GitHubError} `unavailable` after REQUEST_TIMEOUT_MS or when the connection fails
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
    // Octokit returns an aborted body as an empty one, without an error.
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

/** Removes the URL from an error of fetch, because its query may be confidential. */
function toSafeMessage(error: unknown): string {
  return toErrorMessage(error).replaceAll(/ for url \([^)]*\)/g, "");
}
