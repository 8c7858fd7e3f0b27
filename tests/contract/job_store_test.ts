import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { systemClock as clock } from "../../src/clock.ts";
import { type ChangeSet, EMPTY_CHANGE_SET } from "../../src/run/change_set.ts";
import type { Job } from "../../src/run/history.ts";
import { applyChanges } from "../../src/sql/delivery/apply.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlJobStore } from "../../src/sql/run/job.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { SqlRunHistory } from "../../src/sql/run/run_history.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aRun } from "../fakes/stores/github.ts";
import { aJob } from "../fakes/fixtures/job.ts";

const DONE = { status: "completed", updatedAt: "2026-01-01T00:10:00Z" };
const SPAN = { from: 0, before: Date.parse("2026-01-02T00:00:00Z"), among: 10 };

async function applyAll(database: Database, ...changeSets: Partial<ChangeSet>[]): Promise<void> {
  const changes = changeSets.map((each) => ({ ...EMPTY_CHANGE_SET, ...each }));
  await database.write((tx) => applyChanges(tx, changes, { clock }));
}

/** A state of a job as a webhook reports it. */
function toJobChange(job: Job): Partial<ChangeSet> {
  const at = job.completedAt ?? job.startedAt ?? job.createdAt ?? "";
  const { runId, runAttempt } = job;
  return { jobs: [{ runId, repository: "octo/a", runAttempt, status: job.status ?? "", at, job }] };
}

const QUEUED = aJob({ status: "queued", startedAt: null, runnerName: null });
const STARTED = aJob({ status: "in_progress" });
const ENDED = aJob({
  status: "completed",
  conclusion: "failure",
  completedAt: "2026-01-01T00:05:00Z",
});

testOverDatabases(
  "RunBatch stores each attempt in its latest state, including older attempts",
  async (
    { database },
  ) => {
    const store = new SqlRunStore(database, clock);
    const first = aRun({ status: "queued", updatedAt: "2026-01-01T00:00:01Z" });
    const failed = { ...first, ...DONE, conclusion: "failure" };
    const again = aRun({
      runAttempt: 2,
      startedAt: "2026-01-01T01:00:00Z",
      updatedAt: "2026-01-01T01:00:00Z",
    });
    await store.put([first]);
    await store.put([again]);
    assertEquals(await store.put([failed]), []);
    await store.put([{
      ...failed,
      status: "in_progress",
      conclusion: null,
      updatedAt: "2026-01-01T00:02:00Z",
    }]);
    const detail = await new SqlRunHistory(database).detail(1, "all");
    assertEquals(detail?.run, again);
    assertEquals(detail?.attempts, [
      {
        runAttempt: 1,
        status: "completed",
        conclusion: "failure",
        startedAt: first.startedAt,
        updatedAt: failed.updatedAt,
      },
      {
        runAttempt: 2,
        status: "queued",
        conclusion: null,
        startedAt: again.startedAt,
        updatedAt: again.updatedAt,
      },
    ]);
  },
);

testOverDatabases(
  "RunBatch ends with the same attempts for any order and grouping of states",
  async (
    { database },
  ) => {
    const states = [1, 2].flatMap((runAttempt) =>
      ["queued", "in_progress", "completed"].map((status, at) =>
        aRun({
          runAttempt,
          status,
          conclusion: status === "completed" ? "success" : null,
          updatedAt: `2026-01-01T0${runAttempt}:00:0${(at + 1) >> 1}Z`,
        })
      )
    );
    let id = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(states, { minLength: states.length }),
        fc.integer({ min: 1, max: 6 }),
        async (order, size) => {
          id++;
          const changes = order.map((run) => ({ runs: [{ ...run, id }] }));
          for (let at = 0; at < changes.length; at += size) {
            await applyAll(database, ...changes.slice(at, at + size));
          }
          const detail = await new SqlRunHistory(database).detail(id, "all");
          assertEquals(
            detail?.attempts.map((each) => [each.runAttempt, each.status, each.updatedAt]),
            [[1, "completed", "2026-01-01T01:00:01Z"], [2, "completed", "2026-01-01T02:00:01Z"]],
          );
        },
      ),
      { numRuns: 30 },
    );
  },
);

testOverDatabases(
  "RunBatch stores the most advanced state of a job for any order and grouping",
  async (
    { database },
  ) => {
    let id = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([QUEUED, STARTED, ENDED], { minLength: 3 }),
        fc.integer({ min: 1, max: 3 }),
        async (order, size) => {
          id++;
          await applyAll(database, { runs: [aRun({ id })] });
          const changes = order.map((job) => toJobChange({ ...job, id, runId: id }));
          for (let at = 0; at < changes.length; at += size) {
            await applyAll(database, ...changes.slice(at, at + size));
          }
          const detail = await new SqlRunHistory(database).detail(id, "all");
          assertEquals(detail?.jobs, [{ ...ENDED, id, runId: id }]);
        },
      ),
      { numRuns: 20 },
    );
  },
);

testOverDatabases(
  "RunBatch stores a job that arrives with its run, and ignores a job without a run",
  async (
    { database },
  ) => {
    await applyAll(
      database,
      toJobChange(STARTED),
      { runs: [aRun()] },
      toJobChange({ ...STARTED, id: 9, runId: 99 }),
    );
    const history = new SqlRunHistory(database);
    assertEquals((await history.detail(1, "all"))?.jobs, [STARTED]);
    assertEquals(await history.detail(99, "all"), undefined);
  },
);

testOverDatabases("RunStore.remove() deletes the attempts and jobs of a run", async (
  { database },
) => {
  const store = new SqlRunStore(database, clock);
  await applyAll(database, { runs: [aRun()] }, toJobChange(ENDED));
  await store.remove(1);
  await store.put([aRun({ runAttempt: 3 })]);
  const detail = await new SqlRunHistory(database).detail(1, "all");
  assertEquals([detail?.attempts.map((each) => each.runAttempt), detail?.jobs], [[3], []]);
});

testOverDatabases("JobStore.put() stores jobs of known runs", async ({ database }) => {
  await applyAll(database, { runs: [aRun({ ...DONE })] }, toJobChange(QUEUED));
  const store = new SqlJobStore(database);
  const other = aJob({ id: 2, runAttempt: 2, createdAt: null, startedAt: null });
  await store.put([other, ENDED, aJob({ id: 3, runId: 99 })]);
  await store.put([STARTED]);
  await store.put([]);
  assertEquals((await new SqlRunHistory(database).detail(1, "all"))?.jobs, [ENDED, other]);
});

testOverDatabases(
  "JobStore.listMissing() lists completed runs without jobs of their last attempt, latest first",
  async (
    { database },
  ) => {
    const done = (id: number, minute: number, runAttempt = 1) =>
      aRun({ id, runAttempt, status: "completed", updatedAt: `2026-01-01T00:0${minute}:00Z` });
    await applyAll(database, {
      runs: [done(1, 1), done(2, 2), done(3, 3, 2), done(4, 4), aRun({ id: 5 })],
    });
    const store = new SqlJobStore(database);
    await store.put([
      { ...ENDED, id: 1, runId: 2 },
      { ...ENDED, id: 2, runId: 3 },
      { ...STARTED, id: 3, runId: 4 },
    ]);
    const lacking = async (span: Partial<typeof SPAN> = {}) =>
      (await store.listMissing({ ...SPAN, ...span })).map(({ id, runAttempt }) => [id, runAttempt]);
    assertEquals(await lacking(), [[4, 1], [3, 2], [1, 1]]);
    assertEquals(await lacking({ among: 2 }), [[4, 1], [3, 2]]);
    assertEquals(await lacking({ before: Date.parse(done(4, 4).updatedAt) }), [[3, 2], [1, 1]]);
    assertEquals(await lacking({ from: Date.parse(done(3, 3).updatedAt) }), [[4, 1], [3, 2]]);
  },
);
