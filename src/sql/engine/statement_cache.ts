import type { SqliteDatabase, SqliteStatement } from "kysely";
import { LRUCache } from "lru-cache";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";

/** Cached statements keep returning the columns of the old schema. */
const SCHEMA_CHANGE = /^\s*(create|alter|drop)\b/i;
/** Enough for every query; statements that insert several rows differ by their number. */
const MAX_STATEMENTS = 256;

/** A SQLite database for Kysely over node:sqlite, with a cache of the most recently used statements by their text. */
export class StatementCache implements SqliteDatabase {
  readonly #database: DatabaseSync;
  /** Statements by their text. */
  readonly #statements: LRUCache<string, SqliteStatement>;

  constructor(database: DatabaseSync, { max = MAX_STATEMENTS } = {}) {
    this.#database = database;
    this.#statements = new LRUCache({ max });
  }

  /** The number of cached statements. */
  get size(): number {
    return this.#statements.size;
  }

  prepare(text: string): SqliteStatement {
    if (SCHEMA_CHANGE.test(text)) this.#statements.clear();
    const cached = this.#statements.get(text);
    if (cached) return cached;
    const statement = prepare(this.#database, text);
    this.#statements.set(text, statement);
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}

function prepare(database: DatabaseSync, text: string): SqliteStatement {
  const statement = database.prepare(text);
  return {
    reader: statement.columns().length > 0,
    all: (values) => statement.all(...values.map(toSqliteValue)),
    run: (values) => statement.run(...values.map(toSqliteValue)),
    iterate: (values) => statement.iterate(...values.map(toSqliteValue)),
  };
}

/** @throws {TypeError} when SQLite has no such type */
export function toSqliteValue(value: unknown): SQLInputValue {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  throw new TypeError(
    `Cannot bind a value of type ${typeof value}: expected a string, a number or null`,
  );
}
