import manifest from "../../deno.json" with { type: "json" };
import { createApp } from "../app.ts";
import { systemClock } from "../clock.ts";
import { type Config, listSecrets, readConfig } from "../config.ts";
import { configureLog, log } from "../log.ts";
import { openDatabase } from "../sql/database.ts";
import { migrate } from "../sql/migrate.ts";
import { Tracing } from "../tracing/tracing.ts";
import { environment } from "./environment.ts";

/** `runwire serve`: follows GitHub and serves clients until `signal` aborts. */
export async function serve(signal: AbortSignal): Promise<void> {
  const config = readConfig(environment());
  await using _log = await configureLog(config.logLevel, {
    secrets: listSecrets(config),
  });
  const logger = log("serve");
  await runApp(config, {
    signal,
    onListen: (url) => logger.info("Listening on {url}, clients connect to /ws", { url }),
  });
  logger.info("Stopped");
}

/** Opens the database, runs migrations and serves until `signal` aborts. */
export async function runApp(
  config: Config,
  { signal, onListen }: { signal: AbortSignal; onListen: (url: string) => void },
): Promise<void> {
  await using database = await openDatabase(config.databaseUrl, {
    clock: systemClock,
    serve: true,
  });
  await migrate(database);
  // SQLite's files are open already. PostgreSQL reconnects, possibly through a Unix socket or with certificate files.
  if (database.kind === "sqlite") {
    for (const name of ["read", "write"] as const) await Deno.permissions.revoke({ name });
  }
  const app = createApp(config, {
    database,
    clock: systemClock,
    random: Math.random,
    onListen,
    tracing: await Tracing.load(manifest.version),
  });
  await app.run(signal);
}
