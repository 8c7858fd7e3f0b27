import { App } from "../app.ts";
import { systemClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import { configureLog, log } from "../log.ts";
import { environment } from "./environment.ts";

/** `runwire serve`: follows GitHub and serves clients until `signal` aborts. */
export async function serve(signal: AbortSignal): Promise<void> {
  const config = readConfig(environment());
  await using _log = await configureLog(config.logLevel);
  const logger = log("serve");
  const app = new App(config, {
    clock: systemClock,
    random: Math.random,
    onListen: (url) => logger.info("Listening on {url}, clients connect to /ws", { url }),
  });
  await app.run(signal);
  logger.info("Stopped");
}
