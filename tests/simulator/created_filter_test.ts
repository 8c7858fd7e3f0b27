import { assertEquals } from "@std/assert";
import { parseCreatedFilter } from "../../src/simulator/created_filter.ts";
import { addHistoricalRuns } from "../../src/simulator/world/history_seed.ts";
import { World } from "../../src/simulator/world/world.ts";
import { FakeClock } from "./fake_clock.ts";
import { serve, toObjects } from "./serve.ts";

const RUNS = "/repos/octo-org/api/actions/runs";
const TIMES = [
  "2026-01-01T00:00:00Z",
  "2026-01-01T23:59:59Z",
  "2026-01-02T00:00:00Z",
  "2026-01-02T12:00:00Z",
  "2026-01-03T00:00:00Z",
];

function serveRuns(times: readonly number[]) {
  const clock = new FakeClock();
  const world = new World({ clock, maxRuns: Infinity });
  world.addRepository({ full_name: "octo-org/api" });
  addHistoricalRuns(world, "octo-org/api", times);
  return serve({ clock, world });
}

for (
  const [created, expected] of [
    ["2026-01-01", [0, 1]],
    ["2026-01-02T12:00:00Z", [3]],
    ["2026-01-01..2026-01-02", [0, 1, 2, 3]],
    ["2026-01-01T23:59:59Z..2026-01-02T00:00:00Z", [1, 2]],
    ["2026-01-02T00:59:59+01:00..2026-01-02T01:00:00+01:00", [1, 2]],
    ["2026-01-02..*", [2, 3, 4]],
    ["*..2026-01-01T23:59:58Z", [0]],
    [">=2026-01-02T12:00:00Z", [3, 4]],
    [">2026-01-02", [4]],
    ["<=2026-01-02", [0, 1, 2, 3]],
    ["<2026-01-02", [0, 1]],
  ] as const
) {
  Deno.test(`GET runs lists runs created in ${created}`, async () => {
    await using github = serveRuns(TIMES.map(Date.parse));
    const { json } = await github.request(`${RUNS}?created=${encodeURIComponent(created)}`);
    const listed = toObjects(json["workflow_runs"]).map((run) => run["created_at"]);
    assertEquals(listed, expected.map((index) => TIMES[index]).toReversed());
    assertEquals(json["total_count"], expected.length);
  });
}

Deno.test("GET runs rejects an invalid created, like parseCreatedFilter()", async () => {
  await using github = serveRuns([]);
  for (const text of ["yesterday", "2026-01-01...2026-01-02", "", "2026-01-01T00:00:00"]) {
    assertEquals(parseCreatedFilter(text), undefined);
    assertEquals((await github.request(`${RUNS}?created=${text}`)).status, 422);
  }
});

Deno.test("GET runs lists 1,000 runs of a filter, and counts all", async () => {
  const start = Date.UTC(2026, 0, 1);
  await using github = serveRuns(
    Array.from({ length: 1_205 }, (_, index) => start + index * 1_000),
  );
  const filtered = `${RUNS}?created=2026-01-01&per_page=100`;
  const last = await github.request(`${filtered}&page=10`);
  assertEquals(last.json["total_count"], 1_205);
  assertEquals(toObjects(last.json["workflow_runs"]).length, 100);
  assertEquals(last.headers.get("link")?.includes('rel="next"'), false);
  const beyond = await github.request(`${filtered}&page=11`);
  assertEquals(toObjects(beyond.json["workflow_runs"]), []);
  const unfiltered = await github.request(`${RUNS}?per_page=100&page=13`);
  assertEquals(toObjects(unfiltered.json["workflow_runs"]).length, 5);
});

Deno.test("GET runs rejects a page beyond the 40,000th run, which a filter reaches", async () => {
  const start = Date.UTC(2026, 0, 1);
  const times = Array.from({ length: 40_001 }, (_, index) => start + index * 1_000);
  await using github = serveRuns(times);
  assertEquals((await github.request(`${RUNS}?per_page=100&page=400`)).status, 200);
  assertEquals((await github.request(`${RUNS}?per_page=100&page=401`)).status, 422);
  const { json } = await github.request(`${RUNS}?created=2026-01-01T00:00:00Z`);
  assertEquals(json["total_count"], 1);
});
