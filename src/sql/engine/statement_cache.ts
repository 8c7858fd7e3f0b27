import type { SqliteDatabase, SqliteStatement } from "kysely";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";

/** A statement that is kept goes on to give the columns that it had. */
const SCHEMA_CHANGE = /^\s*(create|alter|drop)\b/i;
/** Enough for every query of ours; those of many rows differ by the number of rows. */
const MAX_STATEMENTS = 256;

/** What Kysely needs of a SQLite database, over node:sqlite; keeps the statements that were used last, by their text. */
export class StatementCache implements SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #max: number;
  /** The one that was used last is the last. */
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(database: DatabaseSync, { max = MAX_STATEMENTS } = {}) {
    this.#database = database;
    this.#max = max;
  }

  /** How many statements are kept. */
  get size(): number {
    return this.#statements.size;
  }

  prepare(text: string): SqliteStatement {
    if (SCHEMA_CHANGE.test(text)) this.#statements.clear();
    const statement = this.#statements.get(text) ?? prepare(this.#database, text);
    this.#statements.delete(text);
    this.#statements.set(text, statement);
    if (this.#statements.size > this.#max) {
      const [oldest = ""] = this.#statements.keys();
      this.#statements.delete(oldest);
    }
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
    `Cannot bind a value of type ${typeof value}: allowed are text, number, null`,
  );
}
