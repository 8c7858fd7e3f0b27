import { assertEquals } from "@std/assert";
import { statisticsRoutes } from "../../../src/http/routes/statistics.ts";
import type {
  RunStatistics,
  StatisticsGroup,
  StatisticsQuery,
} from "../../../src/run/statistics.ts";
import { systemClock } from "../../../src/clock.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");

const STATISTICS: RunStatistics = {
  runs: 9,
  successes: 3,
  failures: 2,
  cancelled: 1,
  timedOut: 1,
  successRate: 0.5,
  duration: { avg: 61.5, p50: 60, p95: 99.5 },
  queue: { avg: null, p50: null, p95: null },
  reruns: 4,
  flaky: 1,
  minutesUsed: 17,
  recoveries: 1,
  redToGreenSeconds: 3_600,
};
const STATISTICS_JSON = {
  runs: 9,
  successes: 3,
  failures: 2,
  cancelled: 1,
  timed_out: 1,
  success_rate: 0.5,
  duration_seconds: { avg: 61.5, p50: 60, p95: 99.5 },
  queue_seconds: { avg: null, p50: null, p95: null },
  reruns: 4,
  flaky: 1,
  minutes_used: 17,
  recoveries: 1,
  red_to_green_seconds: 3_600,
};

async function start(...groups: StatisticsGroup[]) {
  const queries: StatisticsQuery[] = [];
  const statistics = {
    query: (query: StatisticsQuery) => {
      queries.push(query);
      return Promise.resolve({ totals: STATISTICS, totalGroups: 31, groups });
    },
  };
  const clock = { ...systemClock, now: () => NOW };
  const data = [statisticsRoutes({ statistics, clock })];
  return { queries, server: await new ServerUnderTest({ data }).start() };
}

Deno.test("GET /stats covers the last 30 days, by day, by default", async () => {
  const { queries, server } = await start({ key: "2026-02-27", statistics: STATISTICS });
  await using _ = server;
  const response = await fetch(`${server.url}/stats`);
  assertEquals(response.headers.get("link")?.includes('page=2>; rel="next"'), true);
  assertEquals(await response.json(), {
    from: "2026-01-31",
    to: "2026-03-01",
    group_by: "day",
    percentile_error: 0.01,
    totals: STATISTICS_JSON,
    total_count: 31,
    items: [{ group: { day: "2026-02-27" }, ...STATISTICS_JSON }],
  });
  const [{ workflowId, ...query } = { workflowId: 0 }] = queries;
  assertEquals(workflowId, undefined);
  assertEquals(query, {
    visibility: "all",
    from: "2026-01-31",
    to: "2026-03-01",
    groupBy: "day",
    page: 1,
    perPage: 30,
  });
});

Deno.test("GET /api/v1/stats passes every filter to the store", async () => {
  const { queries, server } = await start();
  await using _ = server;
  const query =
    "from=2025-01-01&to=2026-01-31&repository=octo/a&workflow=7&branch=main&group_by=week&page=2&per_page=10";
  await (await fetch(`${server.url}/api/v1/stats?${query}`)).body?.cancel();
  assertEquals(queries, [{
    visibility: "all",
    from: "2025-01-01",
    to: "2026-01-31",
    repository: "octo/a",
    workflowId: 7,
    branch: "main",
    groupBy: "week",
    page: 2,
    perPage: 10,
  }]);
});

for (
  const [groupBy, group, json] of [
    ["week", { key: "2026-02-23" }, { week: "2026-02-23" }],
    ["repository", { key: "octo/a" }, { repository: "octo/a" }],
    ["workflow", { key: "7", workflow: { id: 7, name: "CI", repository: "octo/a" } }, {
      workflow_id: 7,
      workflow_name: "CI",
      repository: "octo/a",
    }],
  ] as const
) {
  Deno.test(`GET /stats?group_by=${groupBy} names each ${groupBy}`, async () => {
    const { server } = await start({ ...group, statistics: STATISTICS });
    await using _ = server;
    const { items } = await (await fetch(`${server.url}/stats?group_by=${groupBy}`)).json();
    assertEquals(items, [{ group: json, ...STATISTICS_JSON }]);
  });
}

Deno.test("GET /stats with `to` covers the 30 days up to it", async () => {
  const { queries, server } = await start();
  await using _ = server;
  await (await fetch(`${server.url}/stats?to=2026-01-30`)).body?.cancel();
  assertEquals(queries[0]?.from, "2026-01-01");
});

Deno.test("GET /stats rejects invalid parameters", async (t) => {
  const { queries, server } = await start();
  await using _ = server;
  const range = "a day from 2025-01-26 to 2026-03-01";
  for (
    const [query, detail] of [
      ["from=2026-03-02", `Invalid from "2026-03-02": expected ${range}`],
      ["from=2025-01-25", `Invalid from "2025-01-25": expected ${range}`],
      ["to=2026-02-30", 'Invalid to "2026-02-30": expected a day, for example 2026-01-31'],
      [
        "group_by=month",
        'Invalid group_by "month": expected day, week, workflow, or repository',
      ],
      ["workflow=CI", 'Invalid workflow "CI": expected an integer from 1 to 9007199254740991'],
    ] as const
  ) {
    await t.step(query, async () => {
      const response = await fetch(`${server.url}/stats?${query}`);
      const body = await response.json();
      assertEquals([response.status, body.code, body.detail], [400, "invalid_parameter", detail]);
    });
  }
  assertEquals(queries, []);
});

Deno.test("GET /stats accepts 400 days", async () => {
  const { queries, server } = await start();
  await using _ = server;
  await (await fetch(`${server.url}/stats?from=2025-01-26`)).body?.cancel();
  assertEquals(queries.length, 1);
});
