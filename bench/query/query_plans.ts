import { systemClock } from "../../src/clock.ts";
import type { RunQuery } from "../../src/run/history.ts";
import type { Grouping } from "../../src/run/statistics.ts";
import { SqlCatalog } from "../../src/sql/catalog.ts";
import { type Database, openDatabase } from "../../src/sql/database.ts";
import type { Db } from "../../src/sql/handles.ts";
import { SqlRunHistory } from "../../src/sql/run/run_history.ts";
import { SqlStatisticsStore } from "../../src/sql/statistics/statistics.ts";
import { explainQueries } from "../../tests/fakes/query_plan.ts";
import { LAST_DAY, repositoryName } from "./generated_runs.ts";

type QueryRunner = Pick<Database, "kind" | "read">;

const DAY = Date.parse("2026-06-01");
const PAGE = { visibility: "all", page: 1, perPage: 30 } as const;
const LISTS: Readonly<Record<string, Partial<RunQuery>>> = {
  "/runs": {},
  "/runs?direction=asc": { direction: "asc" },
  "/runs?status": { status: "completed" },
  "/runs?conclusion": { conclusion: "failure" },
  "/runs?event": { event: "push" },
  "/runs?branch": { branch: "main" },
  "/runs?actor": { actor: "user-7" },
  "/runs?workflow_id": { workflowId: 1_007 },
  "/runs?repository": { repository: repositoryName(7) },
  "/runs?created": { createdFrom: DAY, createdBefore: DAY + 86_400_000 },
  "/runs?q": { words: ["carts"] },
  "/runs?event&conclusion&actor": { event: "push", conclusion: "failure", actor: "user-7" },
};
const GROUPINGS: readonly Grouping[] = ["day", "week", "workflow", "repository"];

/** The query plan of each request: its name and steps. */
export async function explainEndpoints(
  url: string,
): Promise<readonly (readonly [string, string])[]> {
  await using database = await openDatabase(url, { clock: systemClock });
  const queries: Record<string, (runner: QueryRunner) => Promise<unknown>> = {};
  for (const [name, filters] of Object.entries(LISTS)) {
    queries[name] = (runner) =>
      new SqlRunHistory(runner).list({ direction: "desc", ...PAGE, ...filters });
  }
  for (const sort of ["pushed", "name"] as const) {
    queries[`/repositories?sort=${sort}`] = (runner) =>
      new SqlCatalog(runner).listRepositories({ sort, direction: "desc", ...PAGE });
  }
  queries["/workflows"] = (runner) => new SqlCatalog(runner).listWorkflows(PAGE);
  for (const groupBy of GROUPINGS) {
    queries[`/stats?group_by=${groupBy}`] = (runner) =>
      new SqlStatisticsStore(runner).query({ from: "2025-07-01", to: LAST_DAY, groupBy, ...PAGE });
  }
  const rows: [string, string][] = [];
  for (const [name, runQuery] of Object.entries(queries)) {
    rows.push([name, await database.read((db) => explainQuery(db, database.kind, runQuery))]);
  }
  return rows;
}

async function explainQuery(
  db: Db,
  kind: Database["kind"],
  runQuery: (runner: QueryRunner) => Promise<unknown>,
): Promise<string> {
  const explained = await explainQueries(db, {
    explain: kind === "sqlite" ? "explain query plan" : "explain (costs off)",
    work: (recorded) => runQuery({ kind, read: (query) => query(recorded) }),
  });
  const steps = explained.flatMap((plan) => plan.split("\n"))
    .filter((step) => /SCAN|SEARCH|B-TREE|Scan|Sort|Index Cond/.test(step))
    .map((step) => step.replace(/^[\s>-]+/, "").trim());
  return [...new Set(steps)].join(" · ");
}
