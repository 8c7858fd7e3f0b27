import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Visibility } from "../../../src/visibility.ts";
import { systemClock as clock } from "../../../src/clock.ts";
import type { Run } from "../../../src/run/run.ts";
import type { Database } from "../../../src/sql/database.ts";
import { SqlRecomputeQueue } from "../../../src/sql/statistics/recompute_queue.ts";
import { SqlRepositoryStore } from "../../../src/sql/repository.ts";
import { mergeRuns, SqlRunStore } from "../../../src/sql/run/run.ts";
import { SqlStatisticsStore } from "../../../src/sql/statistics/statistics.ts";
import { rebuildStatistics } from "../../../src/sql/statistics/rebuild.ts";
import { testOverDatabases } from "../../fakes/database.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { readRunRows, ReferenceStatistics } from "../../fakes/stores/statistics.ts";

const QUERY = {
  visibility: "all",
  from: "2026-01-01",
  to: "2026-12-31",
  groupBy: "workflow",
} as const;
const WHOLE = { ...QUERY, page: 1, perPage: 100 };

/** Runs that alternately fail and succeed on one branch and few commits, so that the facts of each depend on the previous run. */
function branchRun(id: number): Run {
  const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1) + (id * 10 + minutes) * 60_000);
  return aRun({
    id,
    workflowId: 1 + id % 2,
    status: "completed",
    conclusion: id % 3 === 0 ? "failure" : "success",
    headSha: `sha ${Math.floor(id / 8)}`,
    createdAt: at(0).toISOString(),
    startedAt: at(0).toISOString(),
    updatedAt: at(id % 7).toISOString(),
  });
}

async function storeDefaultBranch(database: Database, defaultBranch = "main"): Promise<void> {
  const repositories = new SqlRepositoryStore(database, clock);
  await repositories.upsert([{ id: 1, fullName: "octo/a", pushedAt: null, defaultBranch }]);
}

async function assertMatchesBruteForce(database: Database): Promise<void> {
  const { totals } = await new SqlStatisticsStore(database).query(WHOLE);
  const expected = new ReferenceStatistics(await database.read(readRunRows)).compute(QUERY).totals;
  // Percentiles are approximate.
  const counts = ({ duration, queue: _, ...rest }: typeof totals) => ({
    ...rest,
    redToGreenSeconds: rest.redToGreenSeconds?.toFixed(6),
    average: duration.avg?.toFixed(6),
  });
  assertEquals(counts(totals), counts(expected));
  assert(totals.flaky > 0);
}

testOverDatabases("Two instances update the statistics of one branch concurrently", async (
  { database, connectAgain },
) => {
  await storeDefaultBranch(database);
  const stores = [database, await connectAgain()].map((each) => new SqlRunStore(each, clock));
  const ids = Array.from({ length: 120 }, (_, at) => 1 + at);
  // Consecutive runs are stored by different instances, in overlapping groups.
  const queues = stores.map(async (store, instance) => {
    for (const id of ids.filter((each) => each % 2 === instance)) {
      await store.put([id, (id * 7) % 120 + 1, (id * 11) % 120 + 1].map(branchRun));
    }
    for (const id of ids.filter((each) => each % 10 === 5 * instance)) await store.remove(id);
  });
  await Promise.all(queues);
  await assertMatchesBruteForce(database);
});

testOverDatabases("rebuildStatistics() accounts for concurrent changes", async (
  { database, connectAgain },
) => {
  await storeDefaultBranch(database);
  const ids = Array.from({ length: 600 }, (_, at) => 1 + at);
  await new SqlRunStore(database, clock).put(ids.map(branchRun));
  const other = new SqlRunStore(await connectAgain(), clock);
  const changes: Promise<unknown>[] = [];
  await rebuildStatistics(database, new AbortController().signal, {
    clock,
    onProgress: () => {
      const id = 1 + changes.length;
      changes.push(other.put([branchRun(1_000 + id)]), other.remove(id * 9));
    },
  });
  await Promise.all(changes);
  assert(changes.length > 10);
  await assertMatchesBruteForce(database);
});

testOverDatabases("rebuildStatistics() leaves consistent statistics if it is interrupted", async (
  { database },
) => {
  await storeDefaultBranch(database);
  const ids = Array.from({ length: 600 }, (_, at) => 1 + at);
  await new SqlRunStore(database, clock).put(ids.map(branchRun));
  for (let stopAfter = 1; stopAfter < 8; stopAfter++) {
    const stop = new AbortController();
    let steps = 0;
    await rebuildStatistics(database, stop.signal, {
      clock,
      onProgress: () => {
        if (++steps === stopAfter) stop.abort();
      },
    }).catch(() => {});
    await assertMatchesBruteForce(database);
  }
}, { kinds: ["memory"] });

testOverDatabases("RecomputeQueue counts runs without facts", async (
  { database },
) => {
  await storeDefaultBranch(database);
  const ids = Array.from({ length: 150 }, (_, at) => 1 + at);
  await database.write((tx) => mergeRuns(tx, ids.map(branchRun)));
  await database.write(async (tx) => {
    await tx.deleteFrom("run_facts").execute();
    await tx.deleteFrom("statistics").execute();
    await tx.insertInto("recompute_queue").values({
      repository: "octo/a",
      after_ms: -1,
      after_id: -1,
    })
      .execute();
  });
  const recomputeQueue = new SqlRecomputeQueue(database);
  assertEquals(await recomputeQueue.countRepositories(), 1);
  const counts: (number | undefined)[] = [];
  do counts.push(await recomputeQueue.recomputeNext()); while (counts.at(-1) !== undefined);
  assertEquals(counts, [64, 64, 22, undefined]);
  assertEquals(await recomputeQueue.countRepositories(), 0);
  await assertMatchesBruteForce(database);
});

testOverDatabases(
  "RecomputeQueue recomputes after a default branch becomes known or changes",
  async (
    { database },
  ) => {
    const ids = Array.from({ length: 30 }, (_, at) => 1 + at);
    await new SqlRunStore(database, clock).put(ids.map(branchRun));
    const recomputeQueue = new SqlRecomputeQueue(database);
    const recoveries: number[] = [];
    for (const branch of ["main", "dev", "main"]) {
      await storeDefaultBranch(database, branch);
      while (await recomputeQueue.recomputeNext() !== undefined);
      await assertMatchesBruteForce(database);
      recoveries.push((await new SqlStatisticsStore(database).query(WHOLE)).totals.recoveries);
    }
    const [first = 0, second, third] = recoveries;
    assert(first > 0);
    assertEquals([second, third], [0, first]);
    await storeDefaultBranch(database, "main");
    assertEquals(await recomputeQueue.countRepositories(), 0);
  },
);

testOverDatabases(
  "StatisticsStore.query() shares a result only among queries with the same visibility",
  async (
    { database },
  ) => {
    await new SqlRunStore(database, clock).put([
      ...[1, 2, 3].map((id) => ({ ...branchRun(id), workflowId: 1 })),
      ...[4, 5].map((id) => ({ ...branchRun(id), workflowId: 2, repository: "octo/b" })),
    ]);
    const store = new SqlStatisticsStore(database);
    const query = (visibility: Visibility) => store.query({ ...WHOLE, visibility });
    const [all, ofA, ofB, alsoOfB, none] = [
      query("all"),
      query(new Set(["octo/a", "octo/none"])),
      query(new Set(["octo/b", "octo/none"])),
      query(new Set(["octo/none", "octo/b"])),
      query(new Set()),
    ];
    assertStrictEquals(alsoOfB, ofB);
    const counts = (await Promise.all([all, ofA, ofB, none])).map(({ totals, totalGroups }) => [
      totals.runs,
      totalGroups,
    ]);
    assertEquals(counts, [[5, 2], [3, 1], [2, 1], [0, 0]]);
  },
);

testOverDatabases("StatisticsStore.query() returns pages of workflows and their total", async (
  { database },
) => {
  const runs = Array.from({ length: 30 }, (_, at) => ({
    ...branchRun(1 + at),
    workflowId: 1 + Math.floor(Math.sqrt(at)),
  }));
  await new SqlRunStore(database, clock).put(runs);
  const store = new SqlStatisticsStore(database);
  const pages = await Promise.all(
    [1, 2, 3, 4].map((page) => store.query({ ...QUERY, page, perPage: 2 })),
  );
  assertEquals(pages.map(({ totalGroups }) => totalGroups), [6, 6, 6, 6]);
  const keys = pages.map(({ groups }) => groups.map(({ key }) => key));
  assertEquals(keys, [["5", "4"], ["3", "6"], ["2", "1"], []].map((each) => each));
  assertEquals(pages[0]?.groups[0]?.workflow, { id: 5, name: "CI", repository: "octo/a" });
});
