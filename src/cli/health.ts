import { z } from "zod";
import { systemClock } from "../clock.ts";
import { readServerUrl } from "../config.ts";
import { invalidValue } from "../error_text.ts";
import { toErrorMessage, UsageError } from "../errors.ts";
import { environment } from "./environment.ts";
import { sanitize } from "./format.ts";
import { print } from "./print.ts";

/** Longer than the server's own checks take, shorter than the timeout of Docker's HEALTHCHECK. */
const TIMEOUT_MS = 4_000;

const HEALTH = z.object({
  status: z.string(),
  services: z.record(z.string(), z.string()),
  github: z.object({ state: z.string() }),
});

/**
 * `runwire health [url]`: prints the health of a server (default: the configured one) in one line.
 * @throws {Error} if the server is unhealthy or does not respond
 */
export async function checkHealth(urlArgument: string | undefined): Promise<void> {
  const url = urlArgument ?? readServerUrl(environment());
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new UsageError(invalidValue("URL", url, "an http URL such as http://127.0.0.1:8080"));
  }
  const { isHealthy, summary } = await fetchHealth(new URL("/health", url)).catch((error) => {
    throw new Error(`Health check of ${url} failed: ${toErrorMessage(error)}`, { cause: error });
  });
  if (!isHealthy) throw new Error(summary);
  print(summary);
}

async function fetchHealth(
  url: URL,
): Promise<{ readonly isHealthy: boolean; readonly summary: string }> {
  const stop = new AbortController();
  const timeout = systemClock.sleep(TIMEOUT_MS, stop.signal).then(() =>
    stop.abort(new Error(`no response within ${TIMEOUT_MS / 1_000} s`))
  );
  try {
    const response = await fetch(url, { signal: stop.signal });
    const result = HEALTH.safeParse(await response.json());
    if (!result.success) {
      throw new Error(
        `unexpected response (status ${response.status}); is this a Runwire server?`,
      );
    }
    const { status, services, github } = result.data;
    const states = Object.entries(services).map(([name, state]) => `${name} ${state}`);
    const summary = [status, ...states, `GitHub ${github.state}`].map(sanitize).join(", ");
    return { isHealthy: response.ok, summary };
  } finally {
    stop.abort();
    await timeout;
  }
}
