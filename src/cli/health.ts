import { z } from "zod";
import { systemClock } from "../clock.ts";
import { readServerUrl } from "../config.ts";
import { toErrorMessage, UsageError } from "../errors.ts";
import { environment } from "./environment.ts";
import { print } from "./print.ts";
import { sanitize } from "./format.ts";

/** Longer than the services are given to answer (http/health.ts), and shorter than those wait who ask by this command. */
const TIMEOUT_MS = 4_000;

const HEALTH = z.object({
  status: z.string(),
  services: z.record(z.string(), z.string()),
  github: z.object({ state: z.string() }),
});

/**
 * `runwire health [url]`: asks a Runwire how it is, by default the one of the settings, and prints it in a line.
 * @throws {Error} when it cannot serve
 */
export async function checkHealth(urlArgument: string | undefined): Promise<void> {
  const url = urlArgument ?? readServerUrl(environment());
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new UsageError(`Cannot ask "${url}": allowed is a URL such as http://127.0.0.1:8080`);
  }
  const { isServing, summary } = await fetchHealth(new URL("/health", url)).catch((error) => {
    throw new Error(`Cannot ask ${url}: ${toErrorMessage(error)}`, { cause: error });
  });
  if (!isServing) throw new Error(summary);
  print(summary);
}

async function fetchHealth(
  url: URL,
): Promise<{ readonly isServing: boolean; readonly summary: string }> {
  const stop = new AbortController();
  const timeout = systemClock.sleep(TIMEOUT_MS, stop.signal).then(() =>
    stop.abort(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`))
  );
  try {
    const response = await fetch(url, { signal: stop.signal });
    const result = HEALTH.safeParse(await response.json());
    if (!result.success) throw new Error(`status ${response.status} is no answer of Runwire's`);
    const { status, services, github } = result.data;
    const states = Object.entries(services).map(([name, state]) => `${name} ${state}`);
    const summary = [status, ...states, `GitHub ${github.state}`].map(sanitize).join(", ");
    return { isServing: response.ok, summary };
  } finally {
    stop.abort();
    await timeout;
  }
}
