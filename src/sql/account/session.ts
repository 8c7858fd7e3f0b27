import type { ExpressionBuilder } from "kysely";
import {
  type Session,
  SESSION_IDLE_TIMEOUT_MS,
  SESSION_MAX_AGE_MS,
  type SessionStore,
} from "../../account/session.ts";
import type { Clock } from "../../clock.ts";
import { toErrorMessage } from "../../errors.ts";
import { log } from "../../log.ts";
import type { Database } from "../database.ts";
import type { Tables } from "../tables.ts";
import { toUser } from "./user.ts";

/** The minimum interval between updates of the last use, each of which costs a write. */
const USE_UPDATE_INTERVAL_MS = 60_000;

/** Stores sessions in SQL. */
export class SqlSessionStore implements SessionStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #logger = log("account");

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async create({ id, userId }: { readonly id: string; readonly userId: number }): Promise<void> {
    const now = this.#clock.now();
    await this.#database.write((tx) =>
      tx.insertInto("sessions")
        .values({ id, user_id: userId, created_ms: now, last_used_ms: now }).execute()
    );
  }

  async find(id: string): Promise<Session | undefined> {
    const now = this.#clock.now();
    const row = await this.#database.read((db) =>
      db.selectFrom("sessions").innerJoin("users", "users.id", "sessions.user_id")
        .select([
          "users.id",
          "login",
          "name",
          "avatar_url",
          "role",
          "users.created_ms",
          "signed_in_ms",
          "membership_checked_ms",
          "sessions.created_ms as session_created_ms",
          "last_used_ms",
        ])
        .where("sessions.id", "=", id).where((eb) => eb.not(hasExpired(eb, now)))
        .executeTakeFirst()
    );
    if (!row) return undefined;
    if (row.last_used_ms <= now - USE_UPDATE_INTERVAL_MS) await this.#recordUse(id, now);
    return {
      id,
      user: toUser(row),
      createdAt: row.session_created_ms,
      lastUsedAt: row.last_used_ms,
    };
  }

  end(id: string): Promise<{ readonly userId: number; readonly remaining: number } | undefined> {
    const now = this.#clock.now();
    return this.#database.write(async (tx) => {
      const ended = await tx.deleteFrom("sessions").where("id", "=", id).returning("user_id")
        .executeTakeFirst();
      if (!ended) return undefined;
      const { remaining } = await tx.selectFrom("sessions")
        .select((eb) => eb.fn.countAll().as("remaining")).where("user_id", "=", ended.user_id)
        .where((eb) => eb.not(hasExpired(eb, now))).executeTakeFirstOrThrow();
      return { userId: ended.user_id, remaining: Number(remaining) };
    });
  }

  async endAll(userId: number): Promise<number> {
    const { numDeletedRows } = await this.#database.write((tx) =>
      tx.deleteFrom("sessions").where("user_id", "=", userId).executeTakeFirstOrThrow()
    );
    return Number(numDeletedRows);
  }

  async deleteExpired(): Promise<number> {
    const now = this.#clock.now();
    const { numDeletedRows } = await this.#database.write((tx) =>
      tx.deleteFrom("sessions").where((eb) => hasExpired(eb, now)).executeTakeFirstOrThrow()
    );
    return Number(numDeletedRows);
  }

  /** A failure is only logged: a session stays valid while the database is read-only. */
  async #recordUse(id: string, now: number): Promise<void> {
    try {
      await this.#database.write((tx) =>
        tx.updateTable("sessions").set({ last_used_ms: now }).where("id", "=", id)
          .where("last_used_ms", "<", now).execute()
      );
    } catch (error) {
      this.#logger.warning("Failed to update the last use of a session: {reason}", {
        reason: toErrorMessage(error),
      });
    }
  }
}

function hasExpired(eb: ExpressionBuilder<Tables, "sessions">, now: number) {
  return eb.or([
    eb("sessions.last_used_ms", "<=", now - SESSION_IDLE_TIMEOUT_MS),
    eb("sessions.created_ms", "<=", now - SESSION_MAX_AGE_MS),
  ]);
}
