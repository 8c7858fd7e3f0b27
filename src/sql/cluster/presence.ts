import { sql } from "kysely";
import type { PresenceStore } from "../../cluster/presence.ts";
import { NOW_MS } from "../clauses.ts";
import type { Database } from "../database.ts";
import { upsert } from "../upsert.ts";

/** How long the row of a killed instance stays after it has expired. */
const EXPIRED_RETENTION_MS = 60_000;

/** Stores in PostgreSQL which instances have clients. */
export class SqlPresenceStore implements PresenceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async renew(instance: string, { ttlMs }: { readonly ttlMs: number }): Promise<void> {
    await this.#database.write(async (tx) => {
      await tx.deleteFrom("presences")
        .where("expires_ms", "<", sql<number>`${NOW_MS} - ${EXPIRED_RETENTION_MS}::bigint`)
        .execute();
      const row = { instance, expires_ms: sql<number>`${NOW_MS} + ${ttlMs}::bigint` };
      await upsert(tx, "presences", [row], { key: ["instance"] });
    });
  }

  async remove(instance: string): Promise<void> {
    await this.#database.write((tx) =>
      tx.deleteFrom("presences").where("instance", "=", instance).execute()
    );
  }

  async isActiveElsewhere(instance: string): Promise<boolean> {
    const other = await this.#database.read((db) =>
      db.selectFrom("presences").select("instance").where("instance", "<>", instance)
        .where("expires_ms", ">", NOW_MS).limit(1).executeTakeFirst()
    );
    return other !== undefined;
  }
}
