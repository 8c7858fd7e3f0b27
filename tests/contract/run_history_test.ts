import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { isVisible, type Visibility } from "../../src/visibility.ts";
import { systemClock as clock } from "../../src/clock.ts";
import { MAX_COUNTED_RUNS, type RunQuery } from "../../src/run/history.ts";
import { newestFirst, type Run } from "../../src/run/run.ts";
import { titleMatches } from "../../src/run/title_search.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { SqlRunHistory } from "../../src/sql/run/run_history.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aRun } from "../fakes/stores/github.ts";

const DAY = Date.parse("2026-01-01T00:00:00Z");
const MINUTE_MS = 60_000;
const NEWEST: RunQuery = { visibility: "all", direction: "desc", page: 1, perPage: 100 };
const VISIBLE: readonly Visibility[] = [
  "all",
  new Set(["octo/a"]),
  new Set(["octo/b", "octo/none"]),
  new Set(["octo/a", "octo/b"]),
  new Set(),
];
const TITLES = ["Fix the build", "fix(api): Größe 2", "Build and fix", "Bump x_y-z", ""];

/** Runs with various values, so that filters match some of them. */
function someRuns(count: number): readonly Run[] {
  const one = <T>(list: readonly [T, ...T[]], at: number) => list[at % list.length] ?? list[0];
  return Array.from({ length: count }, (_, at) =>
    aRun({
      id: 100 + at,
      repository: one(["Octo/a", "octo/b"], at),
      workflowId: one([7, 8, 9], at),
      status: one(["completed", "completed", "queued", null], at),
      conclusion: one(["success", "failure", null], at >> 1),
      event: one(["push", "schedule"], at >> 2),
      branch: one(["main", "Main", null], at),
      actor: one(["octocat", "Dependabot[bot]", null], at >> 1),
      displayTitle: TITLES[at % TITLES.length] ?? "",
      // Two runs for each minute.
      createdAt: new Date(DAY + (at >> 1) * MINUTE_MS).toISOString(),
    }));
}

const query: fc.Arbitrary<RunQuery> = fc.record({
  repository: fc.constantFrom("octo/A", "OCTO/b", "octo/none"),
  workflowId: fc.constantFrom(7, 8, 99),
  status: fc.constantFrom("completed", "queued"),
  conclusion: fc.constantFrom("success", "failure"),
  event: fc.constantFrom("push", "schedule"),
  branch: fc.constantFrom("main", "Main", "MAIN"),
  actor: fc.constantFrom("Octocat", "dependabot[bot]"),
  createdFrom: fc.integer({ min: 0, max: 40 }).map((at) => DAY + at * MINUTE_MS),
  createdBefore: fc.integer({ min: 0, max: 40 }).map((at) => DAY + at * MINUTE_MS),
  words: fc.subarray(["FIX", "bu", "größe", "2", "x"], { minLength: 1, maxLength: 2 }),
}, { requiredKeys: [] }).chain((filters) =>
  fc.record({
    visibility: fc.constantFrom(...VISIBLE),
    direction: fc.constantFrom("asc", "desc"),
    page: fc.integer({ min: 1, max: 3 }),
    perPage: fc.integer({ min: 1, max: 30 }),
  }).map((rest) => ({ ...filters, ...rest }))
);

function meets(run: Run, query: RunQuery): boolean {
  const created = Date.parse(run.createdAt);
  const same = (a: string | null, b: string | undefined) =>
    b === undefined || a?.toLowerCase() === b.toLowerCase();
  return isVisible(query.visibility, run.repository) && same(run.repository, query.repository) &&
    same(run.actor, query.actor) &&
    (query.workflowId ?? run.workflowId) === run.workflowId &&
    (query.status ?? run.status) === run.status &&
    (query.conclusion ?? run.conclusion) === run.conclusion &&
    (query.event ?? run.event) === run.event &&
    (query.branch ?? run.branch) === run.branch &&
    created >= (query.createdFrom ?? 0) && created < (query.createdBefore ?? Infinity) &&
    titleMatches(run.displayTitle, query.words ?? []);
}

testOverDatabases(
  "RunHistory.list() returns the runs that meet every filter, in both directions, in pages",
  async (
    { database },
  ) => {
    const runs = someRuns(80);
    await new SqlRunStore(database, clock).put(runs);
    const history = new SqlRunHistory(database);
    await fc.assert(
      fc.asyncProperty(query, async (query) => {
        const all = runs.filter((run) => meets(run, query)).sort(newestFirst);
        if (query.direction === "asc") all.reverse();
        const start = (query.page - 1) * query.perPage;
        assertEquals(await history.list(query), {
          total: all.length,
          runs: all.slice(start, start + query.perPage),
        });
      }),
      { numRuns: 250 },
    );
  },
);

testOverDatabases(
  "RunHistory.list() matches words case-insensitively as prefixes, whatever surrounds them",
  async (
    { database },
  ) => {
    const store = new SqlRunStore(database, clock);
    const titles = [
      "Ärger (mit) der API-Größe",
      "größer",
      "AT&T: 'quoted\" \\ -word*",
      "日本語 テスト",
    ];
    await store.put(titles.map((displayTitle, id) => aRun({ id: id + 1, displayTitle })));
    const history = new SqlRunHistory(database);
    const find = async (...words: string[]) =>
      (await history.list({ ...NEWEST, direction: "asc", words })).runs.map(({ id }) => id);
    assertEquals(await find("GRÖSS"), []);
    assertEquals(await find("GRÖß"), [1, 2]);
    assertEquals(await find("api-größe"), [1]);
    assertEquals(await find("röße"), []);
    assertEquals(await find('quoted"', "word*"), [3]);
    assertEquals(await find("or", "NOT"), []);
    assertEquals(await find("日本"), [4]);
  },
);

testOverDatabases("RunHistory.list() finds current titles and no deleted runs", async (
  { database },
) => {
  const store = new SqlRunStore(database, clock);
  await store.put([aRun({ id: 1, displayTitle: "Old words" }), aRun({ id: 2 })]);
  await store.put([aRun({ id: 1, displayTitle: "New words", updatedAt: "2026-01-02T00:00:00Z" })]);
  await store.remove(2);
  const history = new SqlRunHistory(database);
  const find = async (word: string) =>
    (await history.list({ ...NEWEST, words: [word] })).runs.map(({ id }) => id);
  assertEquals([await find("old"), await find("new"), await find("fix")], [[], [1], []]);
  await store.put([aRun({ id: 3, displayTitle: "x".repeat(5_000) })]);
  assertEquals(await find("xxx"), [3]);
});

testOverDatabases("RunHistory.list() returns and counts at most MAX_COUNTED_RUNS", async (
  { database },
) => {
  const runs = Array.from({ length: MAX_COUNTED_RUNS + 5 }, (_, at) => aRun({ id: at + 1 }));
  await new SqlRunStore(database, clock).put(runs);
  const history = new SqlRunHistory(database);
  const last = { ...NEWEST, direction: "asc", perPage: 30, page: 34 } as const;
  for (
    const filters of [{}, { branch: "main" }, { branch: "main", event: "push" }, { words: ["fix"] }]
  ) {
    const list = await history.list({ ...last, ...filters });
    assertEquals(list.total, MAX_COUNTED_RUNS);
    assertEquals(list.runs.map(({ id }) => id), Array.from({ length: 10 }, (_, at) => 991 + at));
    assertEquals((await history.list({ ...last, ...filters, page: 35 })).runs, []);
  }
});

testOverDatabases(
  "RunHistory.latestByWorkflow() returns the latest runs of each workflow, newest first",
  async (
    { database },
  ) => {
    await new SqlRunStore(database, clock).put(someRuns(12));
    const history = new SqlRunHistory(database);
    const ids = async (workflows: readonly number[], count: number) =>
      (await history.latestByWorkflow(workflows, { count, visibility: "all" })).map(({ id }) => id);
    assertEquals(await ids([7, 9], 2), [111, 109, 108, 106]);
    assertEquals(await ids([99], 2), []);
    assertEquals(await ids([], 2), []);
  },
);

testOverDatabases("RunHistory.latestByWorkflow() returns the latest visible runs", async (
  { database },
) => {
  const runs = someRuns(40);
  await new SqlRunStore(database, clock).put(runs);
  const history = new SqlRunHistory(database);
  for (const visibility of VISIBLE) {
    for (const count of [1, 3, 30]) {
      const expected = [7, 9].flatMap((id) =>
        runs.filter(({ workflowId, repository }) =>
          workflowId === id && isVisible(visibility, repository)
        ).sort(newestFirst).slice(0, count)
      ).sort(newestFirst);
      assertEquals(await history.latestByWorkflow([7, 9, 99], { count, visibility }), expected);
    }
  }
});

testOverDatabases("RunHistory.detail() returns only a visible run", async (
  { database },
) => {
  await new SqlRunStore(database, clock).put([aRun({ id: 1, repository: "Octo/A" })]);
  const history = new SqlRunHistory(database);
  const isTold = async (visibility: Visibility) =>
    await history.detail(1, visibility) !== undefined;
  assertEquals(await isTold("all"), true);
  assertEquals(await isTold(new Set(["octo/a"])), true);
  assertEquals(await isTold(new Set(["octo/b"])), false);
});

testOverDatabases("RunHistory.list() filters by visibility alone and with any other filter", async (
  { database },
) => {
  const runs = someRuns(80);
  await new SqlRunStore(database, clock).put(runs);
  const history = new SqlRunHistory(database);
  const filters: readonly Partial<RunQuery>[] = [
    {},
    { repository: "OCTO/a" },
    { workflowId: 7 },
    { status: "completed" },
    { actor: "octocat", event: "push" },
    { createdFrom: DAY + 9 * MINUTE_MS, direction: "asc" },
    { words: ["fix"] },
    { words: ["fix"], branch: "main", createdBefore: DAY + 30 * MINUTE_MS },
  ];
  for (const visibility of VISIBLE) {
    for (const filter of filters) {
      for (const page of [1, 2, 9]) {
        const query = { ...NEWEST, perPage: 7, page, visibility, ...filter };
        const all = runs.filter((run) => meets(run, query)).sort(newestFirst);
        if (query.direction === "asc") all.reverse();
        const expected = { total: all.length, runs: all.slice((page - 1) * 7, page * 7) };
        assertEquals(await history.list(query), expected);
      }
    }
  }
});

testOverDatabases("RunHistory.list() accepts thousands of visible repositories", async (
  { database },
) => {
  const runs = someRuns(20);
  await new SqlRunStore(database, clock).put(runs);
  const names = Array.from({ length: 5_000 }, (_, at) => `octo/repository-${at}`);
  const visibility = new Set([...names, "octo/b"]);
  const history = new SqlRunHistory(database);
  const list = await history.list({ ...NEWEST, visibility });
  const expected = runs.filter(({ repository }) => repository === "octo/b").sort(newestFirst);
  assertEquals([list.total, list.runs], [10, expected]);
});

testOverDatabases("RunHistory.detail() returns undefined for an unknown run", async (
  { database },
) => {
  assertEquals(await new SqlRunHistory(database).detail(1, "all"), undefined);
});
