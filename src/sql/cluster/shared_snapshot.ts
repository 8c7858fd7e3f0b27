import { sql } from "kysely";
import type { Repository } from "../../repository/repository.ts";
import type { SharedSnapshot, SharedSnapshotStore } from "../../run/polling/snapshot_replica.ts";
import type { Database } from "../database.ts";
import { NOW_MS } from "../now.ts";

/** Keeps in PostgreSQL what the last snapshot showed. */
export class SqlSharedSnapshotStore implements SharedSnapshotStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async save(repositories: readonly Repository[]): Promise<void> {
    const row = { repositories: JSON.stringify(repositories), built_ms: NOW_MS };
    await this.#database.write((tx) =>
      tx.insertInto("shared_snapshot").values({ id: 1, ...row })
        .onConflict((conflict) => conflict.column("id").doUpdateSet(row)).execute()
    );
  }

  async load(): Promise<SharedSnapshot | undefined> {
    const row = await this.#database.read((db) =>
      db.selectFrom("shared_snapshot")
        .select(["repositories", "built_ms", sql<number>`${NOW_MS} - built_ms`.as("age")])
        .where("id", "=", 1).executeTakeFirst()
    );
    if (!row) return undefined;
    // We wrote it ourselves.
    const repositories: readonly Repository[] = JSON.parse(row.repositories);
    return { repositories, ageMs: Number(row.age), version: row.built_ms };
  }
}
