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
          fencing_token: sql`greatest(fencing_token, ${above}::bigint) + 1`,
          expires_ms: sql`${NOW_MS} + ${ttlMs}::bigint`,
        })
        .where("name", "=", LEASE_NAME)
        .where(({ eb, or }) => or([eb("expires_ms", "<=", NOW_MS), eb("holder", "=", holder)]))
        .returning("fencing_token").executeTakeFirst()
    );
    return row?.fencing_token;
  }

  async renew(holder: string, { ttlMs }: { readonly ttlMs: number }): Promise<boolean> {
    const { numUpdatedRows } = await this.#database.write((tx) =>
      tx.updateTable("leases").set({ expires_ms: sql`${NOW_MS} + ${ttlMs}::bigint` })
        .where("name", "=", LEASE_NAME).where("holder", "=", holder).where(
          "expires_ms",
          ">",
          NOW_MS,
        )
        .executeTakeFirstOrThrow()
    );
    return numUpdatedRows > 0n;
  }

  async release(holder: string): Promise<void> {
    await this.#database.write((tx) =>
      tx.updateTable("leases").set({ holder: null, expires_ms: 0 })
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
    const { fencing_token } = await this.#database.read((db) =>
      db.selectFrom("leases").select("fencing_token").where("name", "=", LEASE_NAME)
        .executeTakeFirstOrThrow()
    );
    return fencing_token;
  }

  async advance({ holder, fencingToken }: Term): Promise<boolean> {
    const { numUpdatedRows } = await this.#database.write(async (tx) => {
      // It waits for what is under way in the term before, as no other change of the row does.
      await tx.selectFrom("leases").select("fencing_token").where("name", "=", LEASE_NAME)
        .forUpdate().executeTakeFirstOrThrow();
      return await tx.updateTable("leases").set({ holder, fencing_token: fencingToken }).where(
        "name",
        "=",
        LEASE_NAME,
      )
        .where(({ eb, or, and }) =>
          or([
            eb("fencing_token", "<", fencingToken),
            and([eb("fencing_token", "=", fencingToken), eb("holder", "=", holder)]),
          ])
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
    const { holder, fencingToken } = term() ?? { holder: "", fencingToken: -1 };
    const last = await tx.selectFrom("leases").select("fencing_token").where(
      "name",
      "=",
      LEASE_NAME,
    )
      .where("fencing_token", "=", fencingToken).where("holder", "=", holder).forKeyShare()
      .executeTakeFirst();
    if (!last) throw new StaleFencingTokenError();
  });
}
