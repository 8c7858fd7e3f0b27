import type { TicketHolder, TicketStore } from "../../account/ticket.ts";
import type { Clock } from "../../clock.ts";
import type { Database } from "../database.ts";
import type { TicketTable } from "./account_tables.ts";

/** Stores tickets in SQL. */
export class SqlTicketStore implements TicketStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async create(
    { id, holder, expiresAt }: {
      readonly id: string;
      readonly holder: TicketHolder;
      readonly expiresAt: number;
    },
  ): Promise<void> {
    const row: TicketTable = {
      id,
      session_id: holder !== "anonymous" && "sessionId" in holder ? holder.sessionId : null,
      api_key_id: holder !== "anonymous" && "keyId" in holder ? holder.keyId : null,
      expires_ms: expiresAt,
    };
    await this.#database.write((tx) => tx.insertInto("tickets").values(row).execute());
  }

  async consume(id: string): Promise<TicketHolder | undefined> {
    const row = await this.#database.write((tx) =>
      tx.deleteFrom("tickets").where("id", "=", id).returningAll().executeTakeFirst()
    );
    if (!row || row.expires_ms <= this.#clock.now()) return undefined;
    if (row.session_id !== null) return { sessionId: row.session_id };
    return row.api_key_id === null ? "anonymous" : { keyId: row.api_key_id };
  }

  async deleteExpired(): Promise<number> {
    const { numDeletedRows } = await this.#database.write((tx) =>
      tx.deleteFrom("tickets").where("expires_ms", "<=", this.#clock.now())
        .executeTakeFirstOrThrow()
    );
    return Number(numDeletedRows);
  }
}
