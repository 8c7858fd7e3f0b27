import { sql } from "kysely";
import { EMPTY_CHANGE_SET } from "../../src/run/change_set.ts";
import type { Run } from "../../src/run/run.ts";
import { SqlBackfillStore } from "../../src/sql/run/backfill.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlDeliveryStore } from "../../src/sql/delivery/delivery.ts";
import { SqlJobStore } from "../../src/sql/run/job.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { readTables, type TableDefinition } from "../../src/sql/engine/table_catalog.ts";
import { accountStores, aProfile, someTokens } from "./account.ts";
import { SetClock } from "./clock.ts";
import { aDelivery } from "./delivery.ts";
import { aRun } from "./github.ts";
import { aJob } from "./job.ts";

export const NOON = Date.UTC(2026, 0, 20, 12);
const HOUR_MS = 60 * 60 * 1_000;
/** More than are copied at once. */
const RUNS = 1_200;
/** Together more than is copied at once, and larger than PostgreSQL keeps in a row. */
const PAYLOAD = `{"text":"🚀 ' \\u0000 ${"x".repeat(3 * 1024 * 1024)}"}`;

/** Fills an empty database with something in each of its tables. */
export async function fillWithEverything(database: Database): Promise<void> {
  const clock = new SetClock(NOON);
  // One that is renamed leaves its former name behind.
  await new SqlRepositoryStore(database, clock).upsert([{
    id: 1,
    fullName: "octo/before",
    pushedAt: null,
  }]);
  await new SqlRepositoryStore(database, clock).upsert(["octo/a", "Octo/B"].map((fullName, index) => ({
    id: index + 1,
    fullName,
    pushedAt: "2026-01-20T11:59:59+02:00",
    defaultBranch: "main",
  })));
  const runs = Array.from({ length: RUNS }, (_, index) => aPastRun(index + 1));
  await new SqlRunStore(database, clock).put(runs);
  const again = runs.filter(({ id }) => id % 7 === 0);
  await new SqlRunStore(database, clock).put(again.map(repeated));
  await new SqlJobStore(database).put(runs.slice(0, 900).map(({ id }) => aJob({ id, runId: id })));
  await fillDeliveries(new SqlDeliveryStore(database, clock));
  await fillAccounts(database, clock);
  const past = { repositoryId: 2, since: NOON - 30 * 24 * HOUR_MS, now: NOON, isBackground: true };
  await new SqlBackfillStore(database, clock).start(past);
  await fillOthers(database);
}

/** Of two repositories, on two branches, ending in every way. */
function aPastRun(id: number): Run {
  const at = (minutes: number) =>
    new Date(NOON - RUNS * HOUR_MS + id * HOUR_MS + minutes * 60_000).toISOString();
  return aRun({
    id: id * 3,
    repository: id % 2 === 0 ? "octo/a" : "Octo/B",
    workflowId: 1 + id % 4,
    displayTitle: `Fix ${id} of Größe, naïve "quotes" \\ 日本 🚀 ${"é".repeat(id % 50)}`,
    status: id % 11 === 0 ? "in_progress" : "completed",
    conclusion: id % 11 === 0 ? null : ["success", "failure", "cancelled"][id % 3] ?? null,
    branch: id % 5 === 0 ? null : id % 3 === 0 ? "dev" : "main",
    headSha: `sha ${Math.floor(id / 8)}`,
    createdAt: at(0),
    startedAt: at(1),
    updatedAt: at(2 + id % 9),
  });
}

function repeated(run: Run): Run {
  const updatedAt = new Date(Date.parse(run.updatedAt) + HOUR_MS).toISOString();
  return { ...run, runAttempt: 2, status: "completed", conclusion: "success", updatedAt };
}

async function fillDeliveries(store: SqlDeliveryStore): Promise<void> {
  for (const id of ["done", "waiting", "parked", "large"]) {
    await store.store(aDelivery({ id, orderingKey: id, payload: PAYLOAD }));
  }
  await store.apply("done", EMPTY_CHANGE_SET);
  await store.recordFailure("parked", { reason: 'It\'s "odd"\n', retryAt: undefined });
}

async function fillAccounts(database: Database, clock: SetClock): Promise<void> {
  const { users, sessions, keys, tickets, access } = accountStores(database, clock);
  for (const [id, role] of [[7, "admin"], [8, "viewer"]] as const) {
    await users.signIn({
      profile: aProfile({ id, login: `user-${id}` }),
      tokens: someTokens(),
      role,
    });
    await sessions.create({ id: `session ${id}`, userId: id });
  }
  const none = { scopes: ["read"], budgetCents: 500, expiresAt: null } as const;
  for (const name of ["ci", "wall"]) {
    await keys.create({ ...none, name, prefix: "rw_live_", hash: `hash of ${name}` });
  }
  await tickets.create({ id: "t1", holder: { sessionId: "session 7" }, expiresAt: NOON + 1 });
  await tickets.create({ id: "t2", holder: { keyId: 1 }, expiresAt: NOON + 1 });
  const epoch = await access.epoch();
  await access.save({ userId: 7, epoch, readable: [1], unreadable: [2], checkedAt: NOON });
}

/** Rows of no meaning for tables that nothing above fills: those that are newer than this test. */
async function fillOthers(database: Database): Promise<void> {
  await database.write(async (tx) => {
    for (const table of await readTables(tx, database.kind)) {
      const name = sql.table(table.name);
      const { rows } = await sql`select 1 from ${name} limit 1`.execute(tx);
      if (rows.length > 0) continue;
      for (const number of [1, 2, 3]) {
        const values = table.columns.map((column) => valueOf(table, column, number));
        await sql`insert into ${name} (${sql.join(table.columns.map((each) => sql.ref(each)))})
          values (${sql.join(values)})`.execute(tx);
      }
    }
  });
}

function valueOf({ textColumns: texts, primaryKey: key }: TableDefinition, column: string, number: number): unknown {
  if (texts.includes(column)) return `${column} ${number} ü 🚀`;
  return key.includes(column) ? number : 1_000_000_000_000 + number;
}
