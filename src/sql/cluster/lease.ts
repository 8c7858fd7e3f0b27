import { sql } from "kysely";
import {
  type FencingTokens,
  type Lease,
  StaleFencingTokenError,
  type Term,
} from "../../cluster/lease.ts";
import type { Database } from "../database.ts";
import { NOW_MS } from "../now.ts";

/** The one lease that there is. */
const LEASE_NAME = "poller";

/** A row of PostgreSQL that says who has the lease, and until when. */
export class SqlLease implements Lease {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async acquire(
    holder: string,
    { ttlMs, above }: { readonly ttlMs: number; readonly above: number },
  ): Promise<number | undefined> {
    const row = await this.#database.write((tx) =>
      tx.updateTable("leases")
        .set({
          holder,
          fence: sql`greatest(fence, ${above}::bigint) + 1`,
          until_ms: sql`${NOW_MS} + ${ttlMs}::bigint`,
        })
        .where("name", "=", LEASE_NAME)
        .where(({ eb, or }) => or([eb("until_ms", "<=", NOW_MS), eb("holder", "=", holder)]))
        .returning("fence").executeTakeFirst()
    );
    return row?.fence;
  }

  async renew(holder: string, { ttlMs }: { readonly ttlMs: number }): Promise<boolean> {
    const { numUpdatedRows } = await this.#database.write((tx) =>
      tx.updateTable("leases").set({ until_ms: sql`${NOW_MS} + ${ttlMs}::bigint` })
        .where("name", "=", LEASE_NAME).where("holder", "=", holder).where("until_ms", ">", NOW_MS)
        .executeTakeFirstOrThrow()
    );
    return numUpdatedRows > 0n;
  }

  async release(holder: string): Promise<void> {
    await this.#database.write((tx) =>
      tx.updateTable("leases").set({ holder: null, until_ms: 0 })
        .where("name", "=", LEASE_NAME).where("holder", "=", holder).execute()
    );
  }
}

/** The last term, in the same database as what is written in it. */
export class SqlFencingTokens implements FencingTokens {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async current(): Promise<number> {
    const { fence } = await this.#database.read((db) =>
      db.selectFrom("leases").select("fence").where("name", "=", LEASE_NAME)
        .executeTakeFirstOrThrow()
    );
    return fence;
  }

  async advance({ holder, fencingToken: fence }: Term): Promise<boolean> {
    const { numUpdatedRows } = await this.#database.write(async (tx) => {
      // It waits for what is under way in the term before, as no other change of the row does.
      await tx.selectFrom("leases").select("fence").where("name", "=", LEASE_NAME)
        .forUpdate().executeTakeFirstOrThrow();
      return await tx.updateTable("leases").set({ holder, fence }).where("name", "=", LEASE_NAME)
        .where(({ eb, or, and }) =>
          or([eb("fence", "<", fence), and([eb("fence", "=", fence), eb("holder", "=", holder)])])
        )
        .executeTakeFirstOrThrow();
    });
    return numUpdatedRows > 0n;
  }
}

/**
 * The same database for what only the holder of the lease may write: each transaction fails with StaleLeaseError unless
 * `term` is the last one, and until it ends no later one is raised. Meanwhile the lease can be renewed.
 */
export function withFencing(database: Database, term: () => Term | undefined): Database {
  return database.checked(async (tx) => {
    const { holder, fencingToken: fence } = term() ?? { holder: "", fencingToken: -1 };
    const last = await tx.selectFrom("leases").select("fence").where("name", "=", LEASE_NAME)
      .where("fence", "=", fence).where("holder", "=", holder).forKeyShare().executeTakeFirst();
    if (!last) throw new StaleFencingTokenError();
  });
}
