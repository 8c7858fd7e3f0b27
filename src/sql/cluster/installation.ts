import type { Database } from "../database.ts";

/**
 * The name that the database got when it was created: the same for all instances, whatever URL each of them uses.
 * @throws {StorageError}
 */
export async function installationName(database: Database): Promise<string> {
  const { name } = await database.read((db) =>
    db.selectFrom("installation").select("name").where("id", "=", 1).executeTakeFirstOrThrow()
  );
  return name;
}
