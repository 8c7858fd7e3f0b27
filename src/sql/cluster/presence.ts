import { sql } from "kysely";
import type { PresenceStore } from "../../cluster/presence.ts";
import type { Database } from "../database.ts";
import { NOW_MS } from "../now.ts";

/** What one that was killed has left is forgotten so long after its end. */
const EXPIRED_RETENTION_MS = 60_000;

/** Keeps in PostgreSQL which instances have clients. */
export class SqlPresenceStore implements PresenceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async renew(instance: string, { ttlMs }: { readonly ttlMs: number }): Promise<void> {
    const expires_ms = sql<number>`${NOW_MS} + ${ttlMs}::bigint`;
    await this.#database.write(async (tx) => {
      await tx.deleteFrom("presences").where(
        "expires_ms",
        "<",
        sql<number>`${NOW_MS} - ${EXPIRED_RETENTION_MS}::bigint`,
      )
        .execute();
      await tx.insertInto("presences").values({ instance, expires_ms })
        .onConflict((conflict) => conflict.column("instance").doUpdateSet({ expires_ms }))
        .execute();
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
