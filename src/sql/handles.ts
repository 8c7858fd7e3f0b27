import type { Kysely, Transaction } from "kysely";
import type { Clock } from "../clock.ts";
import type { Tables } from "./tables.ts";

/** Runs queries, inside or outside a transaction. */
export type Db = Kysely<Tables>;
/** An open transaction. */
export type Tx = Transaction<Tables>;

export type DatabaseKind = "sqlite" | "postgres";

/** An opened database. The handles may be the same. */
export interface DatabaseHandles {
  readonly kind: DatabaseKind;
  /** For messages: the file, or the database and its host; never a password. */
  readonly name: string;
  readonly reader: Db;
  readonly writer: Db;
  /** For schema changes, whose statements may take long. */
  readonly migrator: Db;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly clock: Clock;
  /**
   * Whether a server uses the database. Only one server may use a SQLite file, because its clients receive only the changes
   * of their own server.
   */
  readonly serve?: boolean;
}
