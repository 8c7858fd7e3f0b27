import type { Clock } from "../clock.ts";
import { messageOf, RefusedError } from "../errors.ts";

/**
 * GitHub itself ends a request after 10 s; past that nothing comes but a broken connection.
 * https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
 */
export const REQUEST_LIMIT_MS = 10_000;

/**
 * What `ask` gets from GitHub, its body included. `to` is method and path, for messages.
 * @throws {RefusedError} `unavailable` when there is no answer within REQUEST_LIMIT_MS, or the connection breaks
 * @throws the signal's reason when it aborts
 */
export async function withinLimit<T>(
  to: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const ended = new AbortController();
  signal.addEventListener("abort", () => stop.abort(), { signal: ended.signal });
  void clock.sleep(REQUEST_LIMIT_MS, ended.signal).then(() => stop.abort());
  try {
    const answer = await ask(stop.signal);
    // Octokit takes a body that broke off for an empty one, so success alone says too little.
    if (!stop.signal.aborted) return answer;
  } catch (error) {
    if (!stop.signal.aborted) {
      const message = `Cannot reach GitHub for ${to}: ${faultOf(error)}`;
      throw new RefusedError({ kind: "unavailable" }, message);
    }
  } finally {
    ended.abort();
  }
  signal.throwIfAborted();
  const seconds = REQUEST_LIMIT_MS / 1_000;
  throw new RefusedError(
    { kind: "unavailable" },
    `GitHub did not answer ${to} within ${seconds} s`,
  );
}

/** What fetch says, without the address: its query is nobody's business. */
function faultOf(error: unknown): string {
  return messageOf(error).replaceAll(/ for url \([^)]*\)/g, "");
}
