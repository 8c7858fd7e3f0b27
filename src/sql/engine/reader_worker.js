// The Worker of reader.ts: opens a database for reading, then answers one query after the other. It is imported as text, so that
// bundles and executables contain it, and therefore has no local imports.
import { DatabaseSync } from "node:sqlite";

/** As in statement_cache.ts. */
const MAX_STATEMENTS = 256;
/** The page cache, in KiB: a query may read a page several times. A commit of another connection empties it. */
const CACHE_KIB = 65_536;

self.onmessage = ({ data: { path, timeout } }) =>
  answer(() => {
    const database = new DatabaseSync(path, { readOnly: true, timeout });
    database.exec(`pragma cache_size = -${CACHE_KIB}`);
    const connection = new Connection(database);
    self.onmessage = ({ data: query }) =>
      answer(() => query ? connection.all(query) : connection.close());
  });

/** Every message has one reply. Errors are sent as their parts, because they cannot be cloned completely. */
function answer(work) {
  try {
    self.postMessage({ result: work() });
  } catch (error) {
    self.postMessage({ error: { message: String(error?.message ?? error), code: error?.code } });
  }
}

class Connection {
  #database;
  /** Statements with the names of their columns, least recently used first. */
  #statements = new Map();

  constructor(database) {
    this.#database = database;
  }

  /** Returns the names once and rows as arrays, which takes both threads less than half the time of objects. */
  all({ sql, parameters }) {
    const cached = this.#statements.get(sql) ?? this.#prepare(sql);
    this.#statements.delete(sql);
    this.#statements.set(sql, cached);
    if (this.#statements.size > MAX_STATEMENTS) {
      this.#statements.delete(this.#statements.keys().next().value);
    }
    const rows = cached.statement.all(...parameters);
    // Another process changed the schema.
    if (rows.length > 0 && rows[0].length !== cached.columns.length) {
      cached.columns = columnNames(cached.statement);
    }
    return { columns: cached.columns, rows };
  }

  close() {
    this.#statements.clear();
    this.#database.close();
  }

  #prepare(sql) {
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    return { statement, columns: columnNames(statement) };
  }
}

function columnNames(statement) {
  return statement.columns().map(({ name }) => name);
}
