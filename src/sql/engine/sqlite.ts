import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  type SelectModifierNode,
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
  SqliteQueryCompiler,
} from "kysely";
import { DatabaseSync } from "node:sqlite";
import { invalidValue } from "../../error_text.ts";
import { toErrorMessage, UsageError } from "../../errors.ts";
import type { DatabaseHandles, DatabaseOptions } from "../handles.ts";
import type { Tables } from "../tables.ts";
import { toStorageError } from "./error.ts";
import { ReaderDialect } from "./reader_dialect.ts";
import { ReaderPool } from "./reader_pool.ts";
import { StatementCache } from "./statement_cache.ts";

/** How long a writer waits for another process, which blocks the whole program: node:sqlite is synchronous. */
const BUSY_TIMEOUT_MS = 2_000;
const PRAGMAS = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma foreign_keys = on;
  pragma journal_size_limit = 67108864;
`;

/**
 * Opens `sqlite:PATH`: one connection writes, and others read on their own threads, so that a read neither waits for a
 * transaction nor blocks the program. `sqlite::memory:` has a single connection, because a shared cache would lock whole
 * tables. All files are open when this resolves.
 * @throws {UsageError} when the file cannot be used
 */
export async function openSqlite(
  url: string,
  { clock, serve = false }: DatabaseOptions,
): Promise<DatabaseHandles> {
  const path = url.slice("sqlite:".length);
  if (path === "" || /^\/\/[^/]/.test(path)) {
    throw new UsageError(
      invalidValue("database URL", url, "sqlite:./FILE, sqlite:/PATH or sqlite::memory:"),
    );
  }
  using resources = new DisposableStack();
  try {
    const connection = open(path, resources);
    if (serve && path !== ":memory:") {
      resources.adopt(await acquireServeLock(path), (file) => file.close());
    }
    connection.exec(PRAGMAS);
    const writer = new Kysely<Tables>({ dialect: new SingleWriterDialect(connection) });
    const readerPool = path === ":memory:"
      ? undefined
      : await ReaderPool.open(path, { clock, timeout: BUSY_TIMEOUT_MS });
    const opened = resources.move();
    return {
      kind: "sqlite",
      name: path === ":memory:" ? "in memory" : `"${path}"`,
      reader: readerPool ? new Kysely<Tables>({ dialect: new ReaderDialect(readerPool) }) : writer,
      writer,
      migrator: writer,
      async close() {
        await readerPool?.close();
        // Closing the last connection checkpoints the WAL.
        opened.dispose();
      },
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw toUsageError(error, path);
  }
}

function open(path: string, resources: DisposableStack) {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  return resources.adopt(database, (each) => each.close());
}

/**
 * Locks the database against other servers until the file is closed or the process ends. The lock is on a separate file: closing
 * a handle of the database file would release SQLite's own locks (https://sqlite.org/howtocorrupt.html, 2.2).
 */
async function acquireServeLock(path: string): Promise<Deno.FsFile> {
  const file = await Deno.open(`${path}.lock`, { create: true, write: true });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new UsageError(`Cannot use the database "${path}": another Runwire server is using it`);
}

function toUsageError(error: unknown, path: string): UsageError {
  const storageError = toStorageError(error, `"${path}"`);
  const message = storageError?.message ??
    `Cannot use the database "${path}": ${toErrorMessage(error)}`;
  return new UsageError(message, { cause: error });
}

/** Kysely's SQLite dialect over node:sqlite, for a database with a single writing connection. */
class SingleWriterDialect extends SqliteDialect {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    super({ database: new StatementCache(database) });
    this.#database = database;
  }

  override createAdapter() {
    return new TransactionalAdapter();
  }

  override createDriver() {
    return new ImmediateTransactionDriver(this.#database);
  }

  override createQueryCompiler() {
    return new NoRowLockCompiler();
  }
}

/** SQLite supports schema changes in a transaction; Kysely does not use that by default. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class ImmediateTransactionDriver extends SqliteDriver {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    super({ database: new StatementCache(database) });
    this.#database = database;
  }

  /** Acquires the write lock at once: a transaction that reads first cannot wait for it later. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }

  /** A full disk has already ended the transaction. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.isTransaction) await super.rollbackTransaction(connection);
  }
}

/** Omits row locks, which a single writer does not need. */
class NoRowLockCompiler extends SqliteQueryCompiler {
  protected override visitSelectModifier(node: SelectModifierNode): void {
    if (!node.modifier?.startsWith("For")) super.visitSelectModifier(node);
  }
}
