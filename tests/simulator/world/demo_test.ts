import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { createDemoWorld } from "../../../src/simulator/world/demo.ts";
import type { WorkflowRun } from "../../../src/simulator/world/run.ts";
import type { World } from "../../../src/simulator/world/world.ts";
import { FakeClock } from "../fake_clock.ts";

function listAllRuns(world: World): readonly WorkflowRun[] {
  return world.repositories().flatMap(({ full_name }) => world.runs(full_name));
}

function countValues(values: readonly (string | null)[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
}

Deno.test("createDemoWorld() starts with repositories, history and active runs", () => {
  const clock = new FakeClock();
  const world = createDemoWorld({ clock });
  const statuses = countValues(listAllRuns(world).map((run) => run.status));
  assert(world.repositories().length >= 5 && world.repositories().length <= 8);
  assert((statuses.completed ?? 0) > 200, JSON.stringify(statuses));
  assert((statuses.in_progress ?? 0) > 0, JSON.stringify(statuses));
  assert(listAllRuns(world).every((run) => Date.parse(run.updated_at) <= clock.now()));
});

Deno.test("createDemoWorld() has a push about every ten seconds", () => {
  const clock = new FakeClock();
  const world = createDemoWorld({ clock, maxRuns: 10_000 });
  const before = new Set(listAllRuns(world).map((run) => run.head_sha));
  clock.advance(3_600);
  const commits = new Set(listAllRuns(world).map((run) => run.head_sha)).size - before.size;
  assert(commits > 300 && commits < 450, `${commits} commits in an hour`);
});

Deno.test("createDemoWorld() updates pushed_at with each push", () => {
  const clock = new FakeClock();
  const world = createDemoWorld({ clock });
  for (const { full_name, pushed_at } of world.repositories()) {
    const pushes = world.runs(full_name).filter(({ event }) =>
      ["push", "pull_request"].includes(event)
    );
    assertEquals(pushes[0]?.created_at, pushed_at);
  }
});

Deno.test("createDemoWorld() mixes events, branches, actors and conclusions", () => {
  const clock = new FakeClock();
  const world = createDemoWorld({ clock, maxRuns: 10_000 });
  clock.advance(6 * 3_600);
  const runs = listAllRuns(world);
  assertEquals(
    Object.keys(countValues(runs.map((run) => run.event))).sort(),
    ["pull_request", "push", "schedule", "workflow_dispatch"],
  );
  const { success = 0, failure = 0, cancelled = 0 } = countValues(
    runs.map((run) => run.conclusion),
  );
  assert(
    success > 4 * failure && failure > cancelled && cancelled > 0,
    `${[success, failure, cancelled]}`,
  );
  assert(Object.keys(countValues(runs.map((run) => run.actor))).length > 5);
  assert(Object.keys(countValues(runs.map((run) => run.head_branch))).length > 10);
  assert(Object.keys(countValues(runs.map((run) => run.display_title))).length > 30);
});

Deno.test("createDemoWorld() is the same for the same seed, however often it is read", () => {
  const [once, often, other] = [1, 1, 2].map((seed) => {
    const clock = new FakeClock();
    return { clock, world: createDemoWorld({ clock, seed }) };
  });
  assert(once && often && other);
  for (let i = 0; i < 100; i++) {
    often.clock.advance(12);
    often.world.repositories();
  }
  once.clock.advance(1_200);
  other.clock.advance(1_200);
  assertEquals(listAllRuns(once.world), listAllRuns(often.world));
  const titles = (world: World) => listAllRuns(world).map((run) => run.display_title);
  assertNotEquals(titles(once.world), titles(other.world));
});

Deno.test("createDemoWorld() limits the number of runs", () => {
  const clock = new FakeClock();
  const world = createDemoWorld({ clock, maxRuns: 20 });
  clock.advance(4 * 3_600);
  for (const { full_name } of world.repositories()) assert(world.runs(full_name).length <= 20);
});

Deno.test("createDemoWorld() continues after a repository is removed", () => {
  const clock = new FakeClock();
  const world = createDemoWorld({ clock });
  const [first, second] = world.repositories();
  assert(first && second);
  world.removeRepository(first.full_name);
  const before = world.runs(second.full_name)[0]?.id;
  clock.advance(3_600);
  assertNotEquals(world.runs(second.full_name)[0]?.id, before);
  assertEquals(world.repository(first.full_name), undefined);
});
