import { systemClock } from "../../src/clock.ts";
import { type Database, openDatabase } from "../../src/sql/database.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { createTestSchema, isPostgresAvailable } from "./postgres.ts";

/** `sqlite` is a file. */
export type DatabaseKind = "memory" | "sqlite" | "postgres";

/** Each kind; a test of one that is not there is ignored: `Deno.test({ name: `… (${kind})`, ignore, fn })`. */
export const DATABASE_KINDS: readonly { readonly kind: DatabaseKind; readonly ignore: boolean }[] =
  [
    { kind: "memory", ignore: false },
    { kind: "sqlite", ignore: false },
    { kind: "postgres", ignore: !await isPostgresAvailable() },
  ];

/** Registers a test for each kind of database, or for each of `kinds`. */
export function testOverDatabases(
  name: string,
  test: (opened: TestDatabase) => Promise<void>,
  { kinds = ["memory", "sqlite", "postgres"] }: { readonly kinds?: readonly DatabaseKind[] } = {},
): void {
  for (const { kind, ignore } of DATABASE_KINDS.filter((each) => kinds.includes(each.kind))) {
    Deno.test({
      name: `${name} (${kind})`,
      ignore,
      async fn() {
        await using opened = await openTestDatabase(kind);
        await test(opened);
      },
    });
  }
}

export interface TestDatabase extends AsyncDisposable {
  readonly kind: DatabaseKind;
  readonly url: string;
  readonly database: Database;
  /** As another instance has it open at the same time; of SQLite there is but one. */
  connectAgain(): Promise<Database>;
  /** Opened again after `database.close()`, as by a restart; not what is in memory. */
  reopen(): Promise<Database>;
}

/** An empty database with its tables, closed and removed when it is disposed of. */
export async function openTestDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  await using stack = new AsyncDisposableStack();
  const url = await createUrl(kind, stack);
  const opened = stack.use(new AsyncDisposableStack());
  const open = async () => opened.use(await openDatabase(url, { clock: systemClock }));
  const database = await open();
  await migrate(database);
  const all = stack.move();
  return {
    kind,
    url,
    database,
    connectAgain: kind === "postgres" ? open : () => Promise.resolve(database),
    reopen: open,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function createUrl(kind: DatabaseKind, stack: AsyncDisposableStack): Promise<string> {
  if (kind === "memory") return "sqlite::memory:";
  if (kind === "postgres") return stack.use(await createTestSchema()).url;
  const folder = stack.adopt(
    await Deno.makeTempDir({ prefix: "runwire-" }),
    (path) => Deno.remove(path, { recursive: true }),
  );
  return `sqlite:${folder}/runwire.db`;
}
