import { assert, assertEquals, assertMatch } from "@std/assert";
import { sql } from "kysely";
import { systemClock as clock } from "../../../src/clock.ts";
import type { RunQuery } from "../../../src/run/history.ts";
import type { Database } from "../../../src/sql/database.ts";
import type { Db } from "../../../src/sql/handles.ts";
import { listRuns } from "../../../src/sql/run/run_list.ts";
import { SqlRunStore } from "../../../src/sql/run/run.ts";
import { testOverDatabases } from "../../fakes/database.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { explainQueries } from "../../fakes/query_plan.ts";

const FILTERS = {
  repository: "octo/a",
  workflowId: 7,
  status: "queued",
  conclusion: "success",
  event: "push",
  branch: "main",
  actor: "octocat",
} as const;
const SPAN = { createdFrom: Date.parse("2025-01-01"), createdBefore: Date.parse("2027-01-01") };
const NAMES = Object.keys(FILTERS) as (keyof typeof FILTERS)[];
/** Plan nodes that PostgreSQL uses only without an index in the order of the list, if they are disabled. */
const UNORDERED = ["enable_seqscan", "enable_bitmapscan", "enable_sort"];

function query(filters: Partial<RunQuery>): RunQuery {
  return { visibility: "all", direction: "desc", page: 1, perPage: 30, ...filters };
}

function filterBy(...names: readonly (keyof typeof FILTERS)[]): Partial<RunQuery> {
  return Object.fromEntries(names.map((name) => [name, FILTERS[name]]));
}

/** The plans of a list in SQLite. */
async function sqlitePlans(db: Db, filters: Partial<RunQuery>): Promise<readonly string[]> {
  return await explainQueries(db, {
    explain: "explain query plan",
    work: (db) => listRuns(db, query(filters), "sqlite"),
  });
}

/** The plans of a list in PostgreSQL, with the plan nodes `off` disabled. */
async function postgresPlans(
  database: Database,
  filters: Partial<RunQuery>,
  off: readonly string[] = UNORDERED,
): Promise<readonly string[]> {
  return await database.write(async (tx) => {
    for (const each of off) await sql`set local ${sql.raw(each)} = off`.execute(tx);
    return await explainQueries(tx, {
      explain: "explain",
      work: (db) => listRuns(db, query(filters), "postgres"),
    });
  });
}

function assertOrdered(plan: string): void {
  assert(!/TEMP B-TREE|SCAN r$|SCAN workflow_runs$/m.test(plan), plan);
  assert(!/Seq Scan on workflow_runs|Sort Key|Bitmap/.test(plan), plan);
}

/** The part of a plan that finds the IDs of an ID set, in SQLite or in PostgreSQL. */
function searchPlan(plan: string): string {
  const [, search] = /MATERIALIZE found\n([^]*?)^SCAN r$/m.exec(plan) ??
    /CTE found\n([^]*?)InitPlan/.exec(plan) ?? [];
  assert(search, plan);
  return search;
}

async function fill(database: Database): Promise<void> {
  await new SqlRunStore(database, clock).put([aRun({ conclusion: "success" })]);
}

const DIRECTIONS = ["asc", "desc"] as const;

testOverDatabases(
  "listRuns() uses an index for each filter, in both directions",
  async (
    { database },
  ) => {
    await fill(database);
    for (const direction of DIRECTIONS) {
      for (const name of NAMES) {
        for (const span of [{}, SPAN]) {
          const plans = await database.read((db) =>
            sqlitePlans(db, { ...filterBy(name), ...span, direction })
          );
          assertEquals(plans.length, 1, "the page and the count in one statement");
          for (const plan of plans) {
            assertOrdered(plan);
            assertMatch(plan, /SEARCH r USING (COVERING )?INDEX \w+ \((\w+|<expr>)=\?/);
          }
        }
      }
    }
  },
  { kinds: ["memory"] },
);

testOverDatabases("listRuns() uses the index of creation without filters", async (
  { database },
) => {
  await fill(database);
  for (const direction of DIRECTIONS) {
    const plans = await database.read((db) => sqlitePlans(db, { direction }));
    plans.forEach(assertOrdered);
    const spans = await database.read((db) => sqlitePlans(db, { ...SPAN, direction }));
    for (const plan of spans) assertMatch(plan, /workflow_runs_created \(created_ms>\? AND/);
  }
}, { kinds: ["memory"] });

testOverDatabases("listRuns() uses an index in order for any two filters", async (
  { database },
) => {
  await fill(database);
  for (const a of NAMES) {
    for (const b of NAMES.filter((name) => name !== a)) {
      const plans = database.kind === "sqlite"
        ? await database.read((db) => sqlitePlans(db, filterBy(a, b)))
        : await postgresPlans(database, filterBy(a, b));
      const [choice = "", list = ""] = plans;
      assertEquals(plans.length, 2);
      assertOrdered(choice);
      assertOrdered(searchPlan(list));
    }
  }
});

testOverDatabases(
  "listRuns() uses an index in PostgreSQL for each filter, in both directions",
  async (
    { database },
  ) => {
    await fill(database);
    for (const direction of DIRECTIONS) {
      for (const name of NAMES) {
        const plans = await postgresPlans(database, { ...filterBy(name), direction });
        for (const plan of plans) {
          assertOrdered(plan);
          assertMatch(plan, /Index Cond: \(.*(=|lower)/);
        }
      }
      (await postgresPlans(database, { direction })).forEach(assertOrdered);
      for (const plan of await postgresPlans(database, { ...SPAN, direction })) {
        assertMatch(plan, /workflow_runs_created\b/);
      }
    }
  },
  { kinds: ["postgres"] },
);

testOverDatabases("listRuns() uses an index-only scan if many runs meet every filter", async (
  { database },
) => {
  const many = Array.from({ length: 20_000 }, (_, id) => aRun({ id: id + 1 }));
  await new SqlRunStore(database, clock).put(many);
  const broad = (...names: readonly (keyof typeof FILTERS)[]) =>
    database.read((db) => sqlitePlans(db, filterBy(...names)));
  const [, plan = ""] = await broad("event", "branch", "actor");
  assertMatch(searchPlan(plan), /^SCAN r USING COVERING INDEX workflow_runs_created\n$/);
  assertMatch(plan, /^SEARCH r USING INTEGER PRIMARY KEY/m, "the runs of the page alone");
  const [, led = ""] = await broad("event", "repository");
  assertMatch(searchPlan(led), /COVERING INDEX workflow_runs_latest \(<expr>=\?\)/);
}, { kinds: ["memory"] });

testOverDatabases("listRuns() uses the index of titles for words", async ({ database }) => {
  await fill(database);
  if (database.kind === "sqlite") {
    const [plan = ""] = await database.read((db) => sqlitePlans(db, { words: ["fix"] }));
    assertMatch(plan, /^SCAN run_titles VIRTUAL TABLE INDEX \d+:M1$/);
  } else {
    const [titled = "", page = ""] = await postgresPlans(database, { words: ["fix"] }, [
      "enable_seqscan",
      "enable_indexscan",
      "enable_indexonlyscan",
    ]);
    assertMatch(titled, /Bitmap Index Scan on workflow_runs_by_title_words/);
    assertMatch(page, /Bitmap Index Scan on workflow_runs_pkey/);
  }
});

testOverDatabases(
  "listRuns() reads each visible repository from its end of the index",
  async (
    { database },
  ) => {
    await fill(database);
    const visibility = new Set(["octo/a", "octo/b"]);
    for (const filters of [{ visibility }, { visibility, ...SPAN }]) {
      if (database.kind === "sqlite") {
        const [plan = "", ...others] = await database.read((db) => sqlitePlans(db, filters));
        assertEquals(others, []);
        assertMatch(plan, /SEARCH f USING COVERING INDEX workflow_runs_latest \(<expr>=\?/);
        assert(!/SCAN (r|f|e|workflow_runs)\b/.test(plan), plan);
      } else {
        const off = ["enable_seqscan", "enable_bitmapscan", "enable_sort"];
        const [plan = "", ...others] = await postgresPlans(database, filters, off);
        assertEquals(others, []);
        assertMatch(
          plan,
          /Index (Only )?Scan (Backward )?using workflow_runs_latest on workflow_runs f/,
        );
      }
    }
  },
);
