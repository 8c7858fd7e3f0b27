import type { Database } from "../database.ts";

/**
 * The name that this database was given when it was made: the same for all instances, however each of them reaches it.
 * @throws {StorageError}
 */
export async function installationName(database: Database): Promise<string> {
  const { name } = await database.read((db) =>
    db.selectFrom("installation").select("name").where("id", "=", 1).executeTakeFirstOrThrow()
  );
  return name;
}
