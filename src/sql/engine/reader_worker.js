// What runs in the Worker of reader.ts: it opens a database to read, then answers one query after the other. It is imported
// as text, so that a bundle and an executable hold it, and so imports nothing of ours.
import { DatabaseSync } from "node:sqlite";

/** As in statements.ts. */
const MAX_STATEMENTS = 256;
/** Of the file, in KiB: a query may look runs up all over it, and come back to a page. A commit of another one empties it. */
const CACHE_KIB = 65_536;

self.onmessage = ({ data: { path, timeout } }) =>
  answer(() => {
    const database = new DatabaseSync(path, { readOnly: true, timeout });
    database.exec(`pragma cache_size = -${CACHE_KIB}`);
    const connection = new Connection(database);
    self.onmessage = ({ data: query }) =>
      answer(() => query ? connection.all(query) : connection.close());
  });

/** Every message has one answer: errors do not cross whole, so their parts do. */
function answer(work) {
  try {
    self.postMessage({ result: work() });
  } catch (error) {
    self.postMessage({ error: { message: String(error?.message ?? error), code: error?.code } });
  }
}

class Connection {
  #database;
  /** With the names of their columns; the one that was used last is the last. */
  #statements = new Map();

  constructor(database) {
    this.#database = database;
  }

  /** Names once, and rows as lists of values: less than half the work of rows as objects, for both threads. */
  all({ sql, parameters }) {
    const kept = this.#statements.get(sql) ?? this.#prepare(sql);
    this.#statements.delete(sql);
    this.#statements.set(sql, kept);
    if (this.#statements.size > MAX_STATEMENTS) {
      this.#statements.delete(this.#statements.keys().next().value);
    }
    const rows = kept.statement.all(...parameters);
    // Another process has changed the schema.
    if (rows.length > 0 && rows[0].length !== kept.columns.length) {
      kept.columns = namesOf(kept.statement);
    }
    return { columns: kept.columns, rows };
  }

  close() {
    this.#statements.clear();
    this.#database.close();
  }

  #prepare(sql) {
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    return { statement, columns: namesOf(statement) };
  }
}

function namesOf(statement) {
  return statement.columns().map(({ name }) => name);
}
