import manifest from "../../deno.json" with { type: "json" };
import { systemClock } from "../clock.ts";
import { type Config, readDatabaseUrl } from "../config.ts";
import { GitHub } from "../github/client.ts";
import { type Database, openDatabase } from "../sql/database.ts";
import { migrate } from "../sql/migrate.ts";
import { environment } from "./environment.ts";

/** The database of the settings, brought up to date; another Runwire may serve from it. */
export async function connectDatabase(): Promise<Database> {
  const database = await openDatabase(readDatabaseUrl(environment()), { clock: systemClock });
  await migrate(database);
  return database;
}

/** The GitHub of the settings. */
export function connectGitHub({ github }: Config): GitHub {
  return new GitHub({
    credential: github.credential,
    baseUrl: github.apiUrl,
    version: manifest.version,
    clock: systemClock,
  });
}
