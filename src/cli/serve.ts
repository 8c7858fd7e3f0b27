import { App } from "../app.ts";
import { systemClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import { configureLog, log } from "../log.ts";
import { environment } from "./environment.ts";

/** `runwire serve`: follows GitHub and serves clients until `signal` aborts. */
export async function serve(signal: AbortSignal): Promise<void> {
  const config = readConfig(environment());
  await configureLog(config.logLevel);
  const app = new App(config, {
    clock: systemClock,
    random: Math.random,
    onListen: (url) =>
      log("serve").info("Listening on {url}, clients connect to {url}/ws", { url }),
  });
  await app.run(signal);
}
