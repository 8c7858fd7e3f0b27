import { systemClock } from "../../src/clock.ts";
import { type Database, openDatabase } from "../../src/sql/database.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { createTestSchema, isPostgresAvailable } from "./postgres.ts";

/** `memory` is SQLite in memory, `sqlite` a SQLite file. */
export type DatabaseKind = "memory" | "sqlite" | "postgres";

/** `DATABASES=sqlite` or `DATABASES=postgres` limits the tests over databases to one engine. */
const ENGINES = Deno.env.get("DATABASES")?.split(",");

/** Each kind; a test of an unavailable one is ignored: `Deno.test({ name: `… (${kind})`, ignore, fn })`. */
export const DATABASE_KINDS: readonly { readonly kind: DatabaseKind; readonly ignore: boolean }[] =
  [
    { kind: "memory", ignore: !isSelected("sqlite") },
    { kind: "sqlite", ignore: !isSelected("sqlite") },
    { kind: "postgres", ignore: !isSelected("postgres") || !await isPostgresAvailable() },
  ];

function isSelected(engine: "sqlite" | "postgres"): boolean {
  return ENGINES?.includes(engine) ?? true;
}

export interface TestOverDatabasesOptions {
  /** One for each dialect by default; add `sqlite` where reopening or the file itself matters. */
  readonly kinds?: readonly DatabaseKind[];
  /** Whether the database has its tables; true by default. */
  readonly isMigrated?: boolean;
}

/** Registers a test for each kind of database. */
export function testOverDatabases(
  name: string,
  test: (opened: TestDatabase) => Promise<void>,
  { kinds = ["memory", "postgres"], ...options }: TestOverDatabasesOptions = {},
): void {
  for (const { kind, ignore } of DATABASE_KINDS.filter((each) => kinds.includes(each.kind))) {
    Deno.test({
      name: `${name} (${kind})`,
      ignore,
      async fn() {
        await using opened = await openTestDatabase(kind, options);
        await test(opened);
      },
    });
  }
}

export interface TestDatabase extends AsyncDisposable {
  readonly kind: DatabaseKind;
  readonly url: string;
  readonly database: Database;
  /** Opens the database as another instance would; SQLite returns the same database. */
  connectAgain(): Promise<Database>;
  /** Opens the database after `database.close()`, as a restart would; a database in memory is lost. */
  reopen(): Promise<Database>;
}

/** Opens an empty database, which is closed and removed when it is disposed of. */
export async function openTestDatabase(
  kind: DatabaseKind,
  { isMigrated = true }: { readonly isMigrated?: boolean } = {},
): Promise<TestDatabase> {
  await using stack = new AsyncDisposableStack();
  const url = await createUrl(kind, stack);
  const opened = stack.use(new AsyncDisposableStack());
  const open = async () => opened.use(await openDatabase(url, { clock: systemClock }));
  const database = await open();
  if (isMigrated) await migrate(database);
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
