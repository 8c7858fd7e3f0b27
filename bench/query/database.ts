import { createTestSchema, isPostgresAvailable } from "../../tests/fakes/postgres.ts";
import { CACHE } from "../npm.ts";

/** An empty database, removed on disposal. */
export interface BenchDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
}

/** A database that is filled if it is empty, and not removed. */
export function existingDatabase(url: string): BenchDatabase {
  const name = url.startsWith("sqlite:") ? "SQLite" : "PostgreSQL";
  return { name, url, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** A file in the project folder, because the system's temporary folder may be in memory. */
export async function sqliteDatabase(): Promise<BenchDatabase> {
  await Deno.mkdir(CACHE, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: CACHE });
  return {
    name: "SQLite",
    url: `sqlite:${folder}/runwire.db`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** A new schema; `undefined` without PostgreSQL. */
export async function postgresDatabase(): Promise<BenchDatabase | undefined> {
  if (!await isPostgresAvailable()) return undefined;
  const schema = await createTestSchema();
  return {
    name: "PostgreSQL",
    url: schema.url,
    [Symbol.asyncDispose]: () => schema[Symbol.asyncDispose](),
  };
}
