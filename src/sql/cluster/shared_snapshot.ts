import { sql } from "kysely";
import type { Repository } from "../../repository/repository.ts";
import type { SharedSnapshot, SharedSnapshotStore } from "../../run/polling/snapshot_replica.ts";
import { NOW_MS } from "../clauses.ts";
import type { Database } from "../database.ts";
import { upsert } from "../upsert.ts";

/** Stores in PostgreSQL which repositories the latest snapshot contains. */
export class SqlSharedSnapshotStore implements SharedSnapshotStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async save(repositories: readonly Repository[]): Promise<void> {
    const row = { id: 1, repositories: JSON.stringify(repositories), built_ms: NOW_MS };
    await this.#database.write((tx) => upsert(tx, "shared_snapshot", [row], { key: ["id"] }));
  }

  async load(): Promise<SharedSnapshot | undefined> {
    const row = await this.#database.read((db) =>
      db.selectFrom("shared_snapshot")
        .select(["repositories", "built_ms", sql<number>`${NOW_MS} - built_ms`.as("age")])
        .where("id", "=", 1).executeTakeFirst()
    );
    if (!row) return undefined;
    // Written by save().
    const repositories: readonly Repository[] = JSON.parse(row.repositories);
    return { repositories, ageMs: Number(row.age), version: row.built_ms };
  }
}
