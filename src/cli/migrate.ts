import { systemClock } from "../clock.ts";
import { readDatabaseUrl } from "../config.ts";
import { openDatabase } from "../sql/database.ts";
import { migrate } from "../sql/migrate.ts";
import { environment } from "./environment.ts";
import { print } from "./print.ts";

/** `runwire migrate`: runs pending migrations and prints their names. */
export async function migrateDatabase(): Promise<void> {
  const url = readDatabaseUrl(environment());
  await using database = await openDatabase(url, { clock: systemClock });
  const done = await migrate(database);
  for (const name of done) print(`Ran ${name}`);
  print(done.length === 0 ? "The database is up to date" : `Ran ${done.length} migrations`);
}
