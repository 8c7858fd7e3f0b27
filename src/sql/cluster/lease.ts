import { sql } from "kysely";
import {
  type FencingTokens,
  type Lease,
  StaleFencingTokenError,
  type Term,
} from "../../cluster/lease.ts";
import { NOW_MS } from "../clauses.ts";
import type { Database } from "../database.ts";

/** The only lease. */
const LEASE_NAME = "poller";

/** A lease held in a row of PostgreSQL. */
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
        .where("name", "=", LEASE_NAME).where("holder", "=", holder)
        .where("expires_ms", ">", NOW_MS).executeTakeFirstOrThrow()
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

/** Stores the token of the last term in the database that the token protects. */
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
      // FOR UPDATE waits for the transactions of the previous term; a plain update does not, as the key stays.
      await tx.selectFrom("leases").select("fencing_token").where("name", "=", LEASE_NAME)
        .forUpdate().executeTakeFirstOrThrow();
      return await tx.updateTable("leases").set({ holder, fencing_token: fencingToken })
        .where("name", "=", LEASE_NAME)
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
 * Returns the database for writes that only the leader may make: each transaction fails with StaleFencingTokenError unless
 * `term` is the latest one, and no later term can start until it ends. The lease can still be renewed.
 */
export function withFencing(database: Database, term: () => Term | undefined): Database {
  return database.checked(async (tx) => {
    const { holder, fencingToken } = term() ?? { holder: "", fencingToken: -1 };
    const current = await tx.selectFrom("leases").select("fencing_token")
      .where("name", "=", LEASE_NAME).where("fencing_token", "=", fencingToken)
      .where("holder", "=", holder).forKeyShare().executeTakeFirst();
    if (!current) throw new StaleFencingTokenError();
  });
}
