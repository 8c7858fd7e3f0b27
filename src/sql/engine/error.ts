// @ts-types="@types/pg"
import pg from "pg";
import { StorageError, type StorageErrorKind, toErrorMessage } from "../../errors.ts";

/** What SQLite says (sqlite3ErrStr), as node:sqlite hands on the words and no code: https://sqlite.org/rescode.html */
const SQLITE_FAULTS: readonly (readonly [RegExp, StorageErrorKind, string])[] = [
  [/database or disk is full/, "full", "its disk is full"],
  [/database (table )?is locked/, "unavailable", "another program holds it locked"],
  [/disk I\/O error/, "unavailable", "its disk cannot be read or written"],
  [/attempt to write a readonly database/, "unavailable", "it cannot be written"],
  [/unable to open database file/, "unavailable", "its folder is missing or cannot be written"],
  [/file is not a database/, "corrupt", "it is not an SQLite database"],
  [/database disk image is malformed/, "corrupt", "its content is damaged"],
];

/** By the start of the SQLSTATE, the longest first: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const POSTGRES_FAULTS: readonly (readonly [string, StorageErrorKind])[] = [
  ["53100", "full"],
  ["25006", "unavailable"], // read only: a standby took over
  ["55P03", "unavailable"], // a lock was not to be had in time
  ["40", "unavailable"], // rolled back, for example to end a deadlock
  ["08", "unavailable"],
  ["53", "unavailable"],
  ["57", "unavailable"], // shut down, or a statement took too long
  ["58", "unavailable"],
  ["XX", "corrupt"],
];

/** What pg says of connections that it lost, could not make, or waited for in vain: it gives most of them no code. */
const CONNECTION_LOST =
  /^(timeout exceeded when trying to connect|Query read timeout|Connection terminated.*|Client .* not queryable|read ECONNRESET)$/;
const SOCKET_CODES = /^(E[A-Z]+)$/;

/** What went wrong with the database called `name`; `undefined` when the fault is not the database's. */
export function toStorageError(error: unknown, name: string): StorageError | undefined {
  const found = classifyError(error);
  if (!found) return undefined;
  const [fault, detail] = found;
  return new StorageError(fault, `Cannot use the database ${name}: ${detail}`, { cause: error });
}

/** Whether PostgreSQL gave up this transaction for another one: it succeeds when it is run again. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === "40P01" || error.code === "40001");
}

/** Whether PostgreSQL gave up a statement that took too long, or waited for too long. */
export function isTimeout(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "57014";
}

function classifyError(error: unknown): readonly [StorageErrorKind, string] | undefined {
  // Of a host that has several addresses: one for each.
  if (error instanceof AggregateError) return classifyError(error.errors[0]);
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error ? String(error.code) : "";
  if (code === "ERR_SQLITE_ERROR") {
    const known = SQLITE_FAULTS.find(([pattern]) => pattern.test(error.message));
    return known && [known[1], known[2]];
  }
  if (error instanceof pg.DatabaseError) {
    const known = POSTGRES_FAULTS.find(([start]) => code.startsWith(start));
    return known && [known[1], toErrorMessage(error)];
  }
  if (CONNECTION_LOST.test(error.message) || isSocketError(error, code)) {
    return ["unavailable", error.message];
  }
  return undefined;
}

function isSocketError(error: Error, code: string): boolean {
  return "syscall" in error && SOCKET_CODES.test(code);
}
