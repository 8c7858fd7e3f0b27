import { systemClock } from "../../src/clock.ts";
import { type Database, openDatabase } from "../../src/sql/database.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { isPostgresThere, testSchema } from "./postgres.ts";

/** `sqlite` is a file. */
export type DatabaseKind = "memory" | "sqlite" | "postgres";

/** Each kind; a test of one that is not there is ignored: `Deno.test({ name: `… (${kind})`, ignore, fn })`. */
export const DATABASE_KINDS: readonly { readonly kind: DatabaseKind; readonly ignore: boolean }[] =
  [
    { kind: "memory", ignore: false },
    { kind: "sqlite", ignore: false },
    { kind: "postgres", ignore: !await isPostgresThere() },
  ];

/** Opens anew what is kept; as after a restart, or as another instance (but for `memory`). */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  open(): Promise<Database>;
}

/** An empty database with its tables, closed and removed when it is disposed of. */
export async function testDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  await using stack = new AsyncDisposableStack();
  const url = await place(kind, stack);
  const open = async () => stack.use(await openDatabase(url, { clock: systemClock }));
  const database = await open();
  await migrate(database);
  const opened = stack.move();
  return { url, database, open, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

async function place(kind: DatabaseKind, stack: AsyncDisposableStack): Promise<string> {
  if (kind === "memory") return "sqlite::memory:";
  if (kind === "postgres") return stack.use(await testSchema()).url;
  const folder = stack.adopt(
    await Deno.makeTempDir({ prefix: "runwire-" }),
    (path) => Deno.remove(path, { recursive: true }),
  );
  return `sqlite:${folder}/runwire.db`;
}
