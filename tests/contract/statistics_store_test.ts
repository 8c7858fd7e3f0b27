import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Visibility } from "../../src/visibility.ts";
import { systemClock as clock } from "../../src/clock.ts";
import type { Job } from "../../src/run/history.ts";
import type { Run } from "../../src/run/run.ts";
import { PERCENTILE_ERROR, type RunStatistics, type Statistics } from "../../src/run/statistics.ts";
import type { Database } from "../../src/sql/database.ts";
import type { Db } from "../../src/sql/handles.ts";
import { SqlJobStore } from "../../src/sql/run/job.ts";
import { SqlRecomputeQueue } from "../../src/sql/statistics/recompute_queue.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { SqlStatisticsStore } from "../../src/sql/statistics/statistics.ts";
import { rebuildStatistics } from "../../src/sql/statistics/rebuild.ts";
import { type DatabaseKind, openTestDatabase, testOverDatabases } from "../fakes/database.ts";
import { aRun } from "../fakes/stores/github.ts";
import {
  type ExpectedStatistics,
  readRunRows,
  ReferenceStatistics,
} from "../fakes/stores/statistics.ts";

/** Any change of the stored runs. */
type Step =
  | { readonly runs: readonly Run[] }
  | { readonly jobs: readonly Job[] }
  | { readonly removed: number }
  | { readonly repository: { id: number; fullName: string; defaultBranch: string } };

const BRANCHES = ["main", "dev", "feature"];
const NAMES = ["octo/a", "octo/b", "Octo/A"];

/** Few branches and commits, so that facts often depend on other runs, and few times, so that runs are often created together. */
const runId = fc.integer({ min: 1, max: 24 });
const time = fc.integer({ min: 0, max: 90_000 }).map((seconds) =>
  new Date(Date.UTC(2026, 0, 30) + seconds * 1_000).toISOString().replace(".000Z", "Z")
);
const conclusion = fc.constantFrom(
  ...["success", "success", "failure", "timed_out", "startup_failure", "cancelled", "skipped"],
);

/** The branch, commit and creation of a run never change. */
function place(id: number) {
  const workflowId = 1 + id % 3;
  return {
    id,
    workflowId,
    repository: workflowId === 3 ? "octo/b" : "octo/a",
    branch: id % 4 > 0 ? "main" : BRANCHES[id / 4 % 4] ?? null,
    headSha: `sha ${id % 2}`,
    createdAt: new Date(Date.UTC(2026, 0, 28 + id % 4 * 13, id % 3)).toISOString(),
  };
}

const run: fc.Arbitrary<Run> = fc.record({
  id: runId,
  runAttempt: fc.integer({ min: 1, max: 3 }),
  status: fc.constantFrom("completed", "completed", "completed", "in_progress"),
  conclusion,
  startedAt: fc.option(time),
  updatedAt: time,
}).map(({ id, ...state }) =>
  aRun({
    ...place(id),
    ...state,
    conclusion: state.status === "completed" ? state.conclusion : null,
  })
);

const job: fc.Arbitrary<Job> = fc.record({
  id: fc.integer({ min: 1, max: 60 }),
  runAttempt: fc.integer({ min: 1, max: 3 }),
  name: fc.constant("build"),
  status: fc.constantFrom("queued", "in_progress", "completed"),
  conclusion: fc.constantFrom("success", "skipped", null),
  createdAt: time,
  startedAt: fc.option(time),
  completedAt: fc.option(time),
  runnerName: fc.constant(null),
  htmlUrl: fc.constant(null),
}).map((fields) => ({ ...fields, runId: 1 + fields.id % 24 }));

const BEGINNING: readonly Step[] = ["octo/a", "octo/b"].map((fullName, at) => ({
  repository: { id: 1 + at, fullName, defaultBranch: "main" },
}));

const repository = fc.record({
  id: fc.integer({ min: 1, max: 3 }),
  fullName: fc.constantFrom(...NAMES, "octo/renamed"),
  defaultBranch: fc.constantFrom("main", "dev"),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.array(run, { minLength: 1, maxLength: 6 }).map((runs) => ({ runs })) },
  { weight: 3, arbitrary: fc.array(job, { minLength: 1, maxLength: 5 }).map((jobs) => ({ jobs })) },
  { weight: 2, arbitrary: runId.map((removed) => ({ removed })) },
  { weight: 1, arbitrary: repository.map((each) => ({ repository: each })) },
);

async function applyStep(database: Database, step: Step): Promise<void> {
  if ("runs" in step) await new SqlRunStore(database, clock).put(step.runs);
  else if ("jobs" in step) await new SqlJobStore(database).put(step.jobs);
  else if ("removed" in step) await new SqlRunStore(database, clock).remove(step.removed);
  else {
    await new SqlRepositoryStore(database, clock).upsert([{ ...step.repository, pushedAt: null }]);
  }
}

async function recomputeAll(database: Database): Promise<void> {
  const queue = new SqlRecomputeQueue(database);
  while (await queue.recomputeNext() !== undefined);
}

const query = fc.record({
  visibility: fc.constantFrom<Visibility>(
    ...["all", "all"] as const,
    ...[["octo/a"], ["octo/b"], ["octo/a", "octo/b"], ["octo/renamed", "octo/none"], []]
      .map((names) => new Set(names)),
  ),
  from: fc.constantFrom("2026-01-01", "2026-01-28", "2026-02-10", "2026-02-23"),
  to: fc.constantFrom("2026-01-31", "2026-02-10", "2026-02-28", "2026-03-31", "2026-04-01"),
  repository: fc.option(fc.constantFrom(...NAMES, "octo/renamed", "octo/none"), {
    nil: undefined,
    freq: 2,
  }),
  workflowId: fc.option(fc.constantFrom(1, 3, 9), { nil: undefined, freq: 2 }),
  branch: fc.option(fc.constantFrom(...BRANCHES), { nil: undefined, freq: 2 }),
  groupBy: fc.constantFrom("day", "week", "workflow", "repository"),
}).filter(({ from, to }) => from <= to);

/** All values except percentiles are exact. */
function assertStatisticsEqual(actual: RunStatistics, expected: RunStatistics): void {
  const exact = ({ duration, queue, ...rest }: RunStatistics) => ({
    ...rest,
    redToGreenSeconds: null,
    averages: [duration.avg, queue.avg, rest.redToGreenSeconds].map((avg) => avg?.toFixed(6)),
  });
  assertEquals(exact(actual), exact(expected));
  for (const part of ["duration", "queue"] as const) {
    for (const which of ["p50", "p95"] as const) {
      const [is, exactly] = [actual[part][which], expected[part][which]];
      if (is === null || exactly === null) assertEquals(is, exactly);
      else assert(isNear(is, exactly), `${part} ${which} is ${is}, exactly ${exactly}`);
    }
  }
}

/** Ignores rounding errors. */
function isNear(percentile: number, exactly: number): boolean {
  return Math.abs(percentile - exactly) <= exactly * PERCENTILE_ERROR * (1 + Number.EPSILON * 8);
}

function assertStatistics(actual: Statistics, { totals, groups }: ExpectedStatistics): void {
  assertStatisticsEqual(actual.totals, totals);
  assertEquals(actual.groups.map(({ key }) => key), groups.map(({ key }) => key));
  assertEquals(actual.totalGroups, groups.length);
  for (const [at, { statistics: figures }] of actual.groups.entries()) {
    const expected = groups[at];
    assert(expected);
    assertStatisticsEqual(figures, expected.statistics);
  }
}

async function assertAnswers(
  database: Database,
  queries: readonly (typeof query extends fc.Arbitrary<infer Q> ? Q : never)[],
): Promise<void> {
  const store = new SqlStatisticsStore(database);
  const force = new ReferenceStatistics(await database.read(readRunRows));
  for (const each of queries) {
    assertStatistics(await store.query({ ...each, page: 1, perPage: 100 }), force.compute(each));
  }
}

const HISTORIES: Readonly<Record<DatabaseKind, number>> = { memory: 60, sqlite: 10, postgres: 5 };

testOverDatabases("StatisticsStore.query() returns the same as brute force", async ({ kind }) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.array(query, { minLength: 12, maxLength: 12 }),
      async (steps, queries) => {
        await using opened = await openTestDatabase(kind);
        const { database } = opened;
        for (const each of [...BEGINNING, ...steps]) await applyStep(database, each);
        await recomputeAll(database);
        await assertAnswers(database, queries);
        const before = await database.read(readStatisticsRows);
        await damage(database);
        await rebuild(database);
        assertEquals(await database.read(readStatisticsRows), before);
      },
    ),
    // Failures are shrunk in memory, which is fast.
    { numRuns: HISTORIES[kind], endOnFailure: kind !== "memory" },
  );
});

async function readStatisticsRows(db: Db) {
  return {
    facts: await db.selectFrom("run_facts").selectAll().orderBy("run_id").execute(),
    sums: await db.selectFrom("statistics").selectAll().orderBy("workflow_id").orderBy("unit")
      .orderBy("day").orderBy("branch").execute(),
  };
}

/** Corrupts the statistics: missing rows, wrong rows, and rows of unknown workflows. */
async function damage(database: Database): Promise<void> {
  await database.write(async (tx) => {
    await tx.deleteFrom("run_facts").where("run_id", "<", 6).execute();
    await tx.updateTable("run_facts").set({
      is_flaky: 1,
      recovery_ms: 5,
      minutes: 77,
      is_default_branch: 1,
    })
      .where("run_id", "<", 12).execute();
    const [row] = await tx.selectFrom("run_facts").selectAll().limit(1).execute();
    if (row) await tx.insertInto("run_facts").values({ ...row, run_id: 99 }).execute();
    await tx.deleteFrom("statistics").where("workflow_id", "=", 1).execute();
    await tx.updateTable("statistics").set({ runs: 1_000, duration_histogram: "[1,5]" })
      .where("unit", "=", "day").execute();
  });
}

async function rebuild(database: Database): Promise<void> {
  const { signal } = new AbortController();
  await rebuildStatistics(database, signal, { clock });
}
