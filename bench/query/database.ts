import { createTestSchema, isPostgresAvailable } from "../../tests/fakes/postgres.ts";
import { CACHE } from "../npm.ts";

/** An empty database, gone when it is disposed of. */
export interface BenchDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
}

/** One that is filled unless it is full already, and stays. */
export function existingDatabase(url: string): BenchDatabase {
  const name = url.startsWith("sqlite:") ? "SQLite" : "PostgreSQL";
  return { name, url, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** A file on the disk that the project is on: the system's folder for such files may be in memory. */
export async function sqliteDatabase(): Promise<BenchDatabase> {
  await Deno.mkdir(CACHE, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: CACHE });
  return {
    name: "SQLite",
    url: `sqlite:${folder}/runwire.db`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** A schema of its own; `undefined` where there is no PostgreSQL. */
export async function postgresDatabase(): Promise<BenchDatabase | undefined> {
  if (!await isPostgresAvailable()) return undefined;
  const schema = await createTestSchema();
  return {
    name: "PostgreSQL",
    url: schema.url,
    [Symbol.asyncDispose]: () => schema[Symbol.asyncDispose](),
  };
}
