import { assert, assertEquals, assertRejects } from "@std/assert";
import { sql } from "kysely";
import { systemClock as clock } from "../../src/clock.ts";
import { UsageError } from "../../src/errors.ts";
import { copyDatabase } from "../../src/sql/copy.ts";
import { readRows } from "../../src/sql/copy_rows.ts";
import { type Database, openDatabase } from "../../src/sql/database.ts";
import { SqlCatalog } from "../../src/sql/catalog.ts";
import { SqlDeliveryStore } from "../../src/sql/delivery/delivery.ts";
import { SqlEventLog } from "../../src/sql/event_log.ts";
import { SqlRunHistory } from "../../src/sql/run/run_history.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { readTables } from "../../src/sql/engine/table_catalog.ts";
import { SqlStatisticsStore } from "../../src/sql/statistics/statistics.ts";
import { createAccountStores } from "../fakes/fixtures/account.ts";
import { type DatabaseKind, openTestDatabase, testOverDatabases } from "../fakes/database.ts";
import { aDelivery } from "../fakes/fixtures/delivery.ts";
import { fillAllTables } from "../fakes/fixtures/filled_database.ts";
import { isPostgresAvailable } from "../fakes/postgres.ts";

const ignore = !await isPostgresAvailable();
const DIRECTIONS: readonly (readonly [DatabaseKind, DatabaseKind])[] = [
  ["sqlite", "postgres"],
  ["postgres", "sqlite"],
  ["postgres", "postgres"],
  ["sqlite", "sqlite"],
];
/** Tables that belong to the database itself. */
const EXCLUDED_TABLES = ["installation", "leases", "presences"];

/** A database with rows in all tables, and a newly created one. */
async function setUp([from, to]: readonly [DatabaseKind, DatabaseKind]) {
  await using stack = new AsyncDisposableStack();
  const source = stack.use(await openTestDatabase(from));
  const target = stack.use(await openTestDatabase(to));
  await fillAllTables(source.database);
  const all = stack.move();
  return {
    source: source.database,
    target: target.database,
    targetUrl: target.url,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function copyAll(
  { source, target }: { readonly source: Database; readonly target: Database },
  signal = new AbortController().signal,
  onProgress = (_: { readonly done: number; readonly total: number }) => {},
) {
  return copyDatabase(source, target, { signal, clock, onProgress });
}

/** Every row of every table, sorted. */
function readContents(database: Database): Promise<Map<string, readonly string[]>> {
  return database.read(async (db) => {
    const all = new Map<string, readonly string[]>();
    for (const table of await readTables(db, database.kind)) {
      const rows = (await Array.fromAsync(readRows(db, table))).flat();
      const texts = rows.map((row) =>
        JSON.stringify(table.columns.toSorted().map((name) => [name, row[name]]))
      );
      if (!EXCLUDED_TABLES.includes(table.name)) all.set(table.name, texts.sort());
    }
    return all;
  });
}

const SPAN = { visibility: "all", from: "2025-11-01", to: "2026-01-31" } as const;
const PAGE = { page: 1, perPage: 100 };

/** The responses to clients. */
async function readAll(database: Database) {
  const history = new SqlRunHistory(database);
  const statistics = new SqlStatisticsStore(database);
  const catalog = new SqlCatalog(database);
  const list = { ...PAGE, visibility: "all", direction: "desc" } as const;
  return {
    lists: await Promise.all([
      history.list(list),
      history.list({ ...list, words: ["größe", "日本", "fix"] }),
      history.list({ ...list, words: ["naïv"], branch: "dev", conclusion: "failure" }),
      history.list({ ...list, words: ["missing"] }),
    ]),
    details: await Promise.all([3, 42, 3_600].map((id) => history.detail(id, "all"))),
    statistics: await Promise.all(
      (["day", "week", "workflow", "repository"] as const).flatMap((groupBy) => [
        statistics.query({ ...SPAN, ...PAGE, groupBy }),
        statistics.query({ ...SPAN, ...PAGE, groupBy, branch: "dev" }),
      ]),
    ),
    repositories: await catalog.listRepositories({
      ...PAGE,
      visibility: "all",
      sort: "name",
      direction: "asc",
    }),
    events: await new SqlEventLog(database, clock).readAfter(1_000, 2_000),
  };
}

for (const way of DIRECTIONS) {
  const [from, to] = way;
  Deno.test({
    name: `copyDatabase() copies every row and answer from ${from} to ${to}`,
    ignore: ignore && way.includes("postgres"),
    async fn() {
      await using setting = await setUp(way);
      const { source, target } = setting;
      const steps: number[] = [];
      let total = 0;
      const tables = await copyAll(setting, undefined, (progress) => {
        steps.push(progress.done);
        total = progress.total;
      });

      const [before, after] = [await readContents(source), await readContents(target)];
      for (const [name, rows] of before) {
        assert(rows.length > 0, `${name} is not tested: it is empty`);
        assertEquals(after.get(name), rows, name);
      }
      assertEquals([...after.keys()].sort(), [...before.keys()].sort());
      assertEquals(
        new Map(tables.map(({ name, rows }) => [name, rows])),
        new Map([...before].map(([name, rows]) => [name, rows.length])),
      );
      assertEquals([steps.at(0), steps.at(-1)], [0, total]);
      assertEquals(steps, steps.toSorted((a, b) => a - b));
      assert(steps.length > before.size);
      const [expected, actual] = [await readAll(source), await readAll(target)];
      assertEquals(actual, expected);
      assert(expected.lists[1].total > 900 && expected.lists[3].total === 0);
      assert((expected.statistics[0]?.totals.runs ?? 0) > 900);
    },
  });

  Deno.test({
    name: `copyDatabase() continues the numbers of ${from} in ${to}`,
    ignore: ignore && way.includes("postgres"),
    async fn() {
      await using setting = await setUp(way);
      const { source, target } = setting;
      await copyAll(setting);
      const { last } = await new SqlEventLog(source, clock).seqRange();
      const [event] = await new SqlEventLog(target, clock).append([
        { type: "status", repository: null, data: { state: "polling", waiting_until: null } },
      ]);
      assertEquals(event?.seq, last + 1);
      const store = new SqlDeliveryStore(target, clock);
      assertEquals(await store.store(aDelivery({ id: "next" })), "stored");
      assertEquals((await store.list({ limit: 1 }))[0]?.id, "next");
      assertEquals(await store.store(aDelivery({ id: "done" })), "done");
      const { keys } = createAccountStores(target, clock);
      const key = { name: "n", prefix: "p", hash: "new", scopes: [], budgetCents: null };
      assertEquals((await keys.create({ ...key, expiresAt: null })).id, 3);
    },
  });
}

const SQLITE_TO_POSTGRES = DIRECTIONS[0] ?? ["sqlite", "sqlite"];

Deno.test({
  name: "copyDatabase() leaves the target empty if it is interrupted, and can be run again",
  ignore,
  async fn() {
    for (const way of [SQLITE_TO_POSTGRES, ["sqlite", "sqlite"]] as const) {
      await using setting = await setUp(way);
      const { target } = setting;
      const fresh = await readContents(target);
      const stop = new AbortController();
      await assertRejects(
        () => copyAll(setting, stop.signal, ({ done }) => done > 2_000 && stop.abort()),
        Error,
        "aborted",
      );
      assertEquals(await readContents(target), fresh);
      await copyAll(setting);
    }
  },
});

Deno.test({
  name: "copyDatabase() refuses a target that is not empty, and changes nothing",
  ignore,
  async fn() {
    await using setting = await setUp(SQLITE_TO_POSTGRES);
    const { target } = setting;
    await createAccountStores(target, clock).keys.create({
      name: "mine",
      prefix: "p",
      hash: "h",
      scopes: [],
      budgetCents: null,
      expiresAt: null,
    });
    const before = await readContents(target);
    await assertRejects(() => copyAll(setting), UsageError, "it is not empty (api_keys)");
    assertEquals(await readContents(target), before);
    await target.write((tx) => tx.deleteFrom("api_keys").execute());
    await target.write((tx) => tx.updateTable("event_counter").set({ last_seq: 3 }).execute());
    await assertRejects(() => copyAll(setting), UsageError, "it is not empty (event_counter)");
  },
});

Deno.test({
  name: "copyDatabase() refuses databases of other versions",
  ignore,
  async fn() {
    await using setting = await setUp(SQLITE_TO_POSTGRES);
    const { source, target } = setting;
    for (const database of [source, target]) {
      const change = async (text: string) => {
        await database.write((tx) => sql.raw(text).execute(tx));
      };
      await change("insert into kysely_migration values ('9999_later', '')");
      await assertRejects(() => copyAll(setting), UsageError, "a newer version of Runwire");
      await change("delete from kysely_migration where name = '9999_later'");
      await change("update kysely_migration set name = '0001_runs'");
      await assertRejects(() => copyAll(setting), UsageError, "a pre-release of Runwire");
      await change("update kysely_migration set name = '0001_initial'");
    }
    await target.write((tx) => sql`alter table events add column odd text`.execute(tx));
    await assertRejects(
      () => copyAll(setting),
      UsageError,
      "only one of the databases has events.odd",
    );
  },
});

Deno.test({
  name: "copyDatabase() refuses a PostgreSQL source or target that a server is using",
  ignore,
  async fn() {
    await using setting = await setUp(SQLITE_TO_POSTGRES);
    const { source, target, targetUrl } = setting;
    {
      await using _served = await openDatabase(targetUrl, { clock, serve: true });
      await assertRejects(() => copyAll(setting), UsageError, "a Runwire server is using it");
      await assertRejects(
        () => copyAll({ source: target, target: source }),
        UsageError,
        "a Runwire server is using it",
      );
    }
    await copyAll(setting);
  },
});

Deno.test({
  name: "copyDatabase() makes a starting server wait until it has ended",
  ignore,
  async fn() {
    await using setting = await setUp(SQLITE_TO_POSTGRES);
    const { targetUrl } = setting;
    await using starting = await openDatabase(targetUrl, { clock });
    let isCopied = false;
    let begun: Promise<boolean> | undefined;
    await copyAll(setting, undefined, ({ done }) => {
      if (done > 0) begun ??= migrate(starting).then(() => isCopied);
    }).then(() => isCopied = true);
    assertEquals(await begun, true);
  },
});

testOverDatabases("readRows() reads fewer rows at once if they are long", async ({ database }) => {
  await fillAllTables(database);
  const groups = await database.read(async (db) => {
    const tables = await readTables(db, database.kind);
    const sizes = async (name: string) => {
      const table = tables.find((each) => each.name === name);
      return table ? (await Array.fromAsync(readRows(db, table))).map(({ length }) => length) : [];
    };
    return [await sizes("deliveries"), await sizes("workflow_runs")];
  });
  // Three of four rows have a payload of 3 MiB.
  assertEquals(groups, [[2, 1, 1], [500, 500, 200]]);
}, { kinds: ["sqlite", "postgres"] });
