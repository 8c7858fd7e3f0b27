import manifest from "../../deno.json" with { type: "json" };
import { systemClock } from "../clock.ts";
import { type Config, readDatabaseUrl } from "../config.ts";
import { GitHub } from "../github/client.ts";
import { type Database, openDatabase } from "../sql/database.ts";
import { migrate } from "../sql/migrate.ts";
import { VARIABLE_NAMES } from "../variables.ts";

/** Only the known variables: the program has no permission to read others. */
export function environment(): Record<string, string | undefined> {
  return Object.fromEntries(VARIABLE_NAMES.map((name) => [name, Deno.env.get(name)]));
}

/** Opens the configured database and runs pending migrations. A server may use the database at the same time. */
export async function connectDatabase(): Promise<Database> {
  const database = await openDatabase(readDatabaseUrl(environment()), { clock: systemClock });
  await migrate(database);
  return database;
}

export function connectGitHub({ github }: Config): GitHub {
  return new GitHub({
    credential: github.credential,
    baseUrl: github.apiUrl,
    version: manifest.version,
    clock: systemClock,
  });
}
