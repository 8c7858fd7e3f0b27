import { z } from "zod";
import { systemClock } from "../clock.ts";
import { readServerUrl } from "../config.ts";
import { messageOf, UsageError } from "../errors.ts";
import { environment } from "./environment.ts";
import { print } from "./print.ts";
import { printable } from "./state.ts";

/** Longer than the services are given to answer (http/health.ts), and shorter than those wait who ask by this command. */
const LIMIT_MS = 4_000;

const HEALTH = z.object({
  status: z.string(),
  services: z.record(z.string(), z.string()),
  github: z.object({ state: z.string() }),
});

/**
 * `runwire health [url]`: asks a Runwire how it is, by default the one of the settings, and prints it in a line.
 * @throws {Error} when it cannot serve
 */
export async function checkHealth(given: string | undefined): Promise<void> {
  const url = given ?? readServerUrl(environment());
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new UsageError(`Cannot ask "${url}": allowed is a URL such as http://127.0.0.1:8080`);
  }
  const { isServing, words } = await ask(new URL("/health", url)).catch((error) => {
    throw new Error(`Cannot ask ${url}: ${messageOf(error)}`, { cause: error });
  });
  if (!isServing) throw new Error(words);
  print(words);
}

async function ask(url: URL): Promise<{ readonly isServing: boolean; readonly words: string }> {
  const stop = new AbortController();
  const late = systemClock.sleep(LIMIT_MS, stop.signal).then(() =>
    stop.abort(new Error(`no answer within ${LIMIT_MS / 1_000} s`))
  );
  try {
    const response = await fetch(url, { signal: stop.signal });
    const answer = HEALTH.safeParse(await response.json());
    if (!answer.success) throw new Error(`status ${response.status} is no answer of Runwire's`);
    const { status, services, github } = answer.data;
    const states = Object.entries(services).map(([name, state]) => `${name} ${state}`);
    const words = [status, ...states, `GitHub ${github.state}`].map(printable).join(", ");
    return { isServing: response.ok, words };
  } finally {
    stop.abort();
    await late;
  }
}
