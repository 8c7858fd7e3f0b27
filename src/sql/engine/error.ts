// @ts-types="@types/pg"
import pg from "pg";
import { StorageError, type StorageErrorKind, toErrorMessage } from "../../errors.ts";

/** The messages of SQLite (sqlite3ErrStr), because node:sqlite passes no error code: https://sqlite.org/rescode.html */
const SQLITE_ERRORS: readonly (readonly [RegExp, StorageErrorKind, string])[] = [
  [/database or disk is full/, "full", "its disk is full"],
  [/database (table )?is locked/, "unavailable", "another program has locked it"],
  [/disk I\/O error/, "unavailable", "its disk failed"],
  [/attempt to write a readonly database/, "unavailable", "it is read-only"],
  [/unable to open database file/, "unavailable", "its folder is missing or not writable"],
  [/file is not a database/, "corrupt", "it is not an SQLite database"],
  [/database disk image is malformed/, "corrupt", "its content is damaged"],
];

/** By prefix of the SQLSTATE, longest first: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const POSTGRES_ERRORS: readonly (readonly [string, StorageErrorKind])[] = [
  ["53100", "full"],
  ["25006", "unavailable"], // read-only: a standby took over
  ["55P03", "unavailable"], // lock timeout
  ["40", "unavailable"], // rolled back, for example because of a deadlock
  ["08", "unavailable"],
  ["53", "unavailable"],
  ["57", "unavailable"], // shutdown or statement timeout
  ["58", "unavailable"],
  ["XX", "corrupt"],
];

/** The messages of pg about lost connections and timeouts, most of which have no code. */
const CONNECTION_LOST =
  /^(timeout exceeded when trying to connect|Query read timeout|Connection terminated.*|Client .* not queryable|read ECONNRESET)$/;
const SOCKET_CODES = /^(E[A-Z]+)$/;

/** Converts an error of the database called `name`; `undefined` if the database did not cause it. */
export function toStorageError(error: unknown, name: string): StorageError | undefined {
  const found = classifyError(error);
  if (!found) return undefined;
  const [kind, detail] = found;
  return new StorageError(kind, `Cannot use the database ${name}: ${detail}`, { cause: error });
}

/** Whether PostgreSQL rolled the transaction back because of another one: it may succeed if it is run again. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === "40P01" || error.code === "40001");
}

/** Whether PostgreSQL cancelled a statement that ran or waited too long. */
export function isTimeout(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "57014";
}

function classifyError(error: unknown): readonly [StorageErrorKind, string] | undefined {
  // One error for each address of a host.
  if (error instanceof AggregateError) return classifyError(error.errors[0]);
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error ? String(error.code) : "";
  if (code === "ERR_SQLITE_ERROR") {
    const known = SQLITE_ERRORS.find(([pattern]) => pattern.test(error.message));
    return known && [known[1], known[2]];
  }
  if (error instanceof pg.DatabaseError) {
    const known = POSTGRES_ERRORS.find(([start]) => code.startsWith(start));
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
