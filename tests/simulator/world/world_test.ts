import { assertEquals, assertNotEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { World } from "../../../src/simulator/world/world.ts";
import { FakeClock } from "../fake_clock.ts";

const TIMELINE = { queued_seconds: 5, running_seconds: 60, conclusion: "failure" };

function setUpWorld(maxRuns = 300) {
  const clock = new FakeClock("2026-01-01T00:00:00Z");
  const world = new World({ clock, maxRuns });
  world.addRepository({ full_name: "octo-org/api" });
  return { clock, world };
}

Deno.test("World.run() shows a run queued, in progress and completed over time", () => {
  const { clock, world } = setUpWorld();
  const { id } = world.addRun("octo-org/api", { timeline: TIMELINE });
  const states = [];
  for (const seconds of [4, 1, 59, 1]) {
    clock.advance(seconds);
    const run = world.run(id);
    states.push([run?.status, run?.conclusion, run?.updated_at]);
  }
  assertEquals(states, [
    ["queued", null, "2026-01-01T00:00:00Z"],
    ["in_progress", null, "2026-01-01T00:00:05Z"],
    ["in_progress", null, "2026-01-01T00:00:05Z"],
    ["completed", "failure", "2026-01-01T00:01:05Z"],
  ]);
});

Deno.test("World.run() completes a run without reads in between", () => {
  const { clock, world } = setUpWorld();
  const { id } = world.addRun("octo-org/api", { timeline: TIMELINE });
  clock.advance(3_600);
  assertEquals(world.run(id)?.updated_at, "2026-01-01T00:01:05Z");
  assertEquals(world.runs("octo-org/api")[0]?.conclusion, "failure");
});

Deno.test("World has no automatic changes without an activity", () => {
  const { clock, world } = setUpWorld();
  const { id } = world.addRun("octo-org/api");
  const before = [world.repositories(), world.runs("octo-org/api")];
  clock.advance(86_400);
  assertEquals([world.repositories(), world.runs("octo-org/api")], before);
  assertEquals(world.run(id)?.status, "queued");
});

Deno.test("World.push() updates pushed_at and starts runs", () => {
  const { clock, world } = setUpWorld();
  clock.advance(90.7);
  const [run, ...others] = world.push("octo-org/api");
  assertEquals(world.repository("octo-org/api")?.pushed_at, "2026-01-01T00:01:30Z");
  assertEquals([run?.event, run?.created_at, others.length], ["push", "2026-01-01T00:01:30Z", 0]);
});

Deno.test("World.addRun() does not change pushed_at and numbers the runs of each workflow", () => {
  const clock = new FakeClock("2026-01-01T00:00:00Z");
  const world = new World({ clock });
  const { workflows } = world.addRepository({
    full_name: "octo-org/api",
    workflows: [{ name: "CI" }, { name: "Deploy" }],
  });
  clock.advance(60);
  const deploy = workflows[1]?.id;
  const fields = deploy === undefined ? {} : { workflow_id: deploy };
  const runs = [
    world.addRun("octo-org/api"),
    world.addRun("octo-org/api", fields),
    world.addRun("octo-org/api"),
  ];
  assertEquals(runs.map((run) => [run.name, run.run_number]), [["CI", 1], ["Deploy", 1], [
    "CI",
    2,
  ]]);
  assertEquals(world.repository("octo-org/api")?.pushed_at, "2026-01-01T00:00:00Z");
});

Deno.test("World.addRun() uses the given fields", () => {
  const { world } = setUpWorld();
  const fields = {
    id: 42,
    name: null,
    status: "waiting",
    conclusion: "a_new_one",
    head_branch: null,
    actor: null,
    created_at: "2025-12-31T23:00:00Z",
    updated_at: "2025-12-31T23:30:00Z",
  };
  world.addRun("octo-org/api", fields);
  const run = world.run(42);
  for (const [name, value] of Object.entries(fields)) {
    assertStrictEquals(Object.entries(run ?? {}).find(([field]) => field === name)?.[1], value);
  }
});

Deno.test("World.updateRun() changes a run and cancels its pending transitions", () => {
  const { clock, world } = setUpWorld();
  const { id } = world.addRun("octo-org/api", { timeline: TIMELINE });
  clock.advance(10);
  const changed = world.updateRun(id, { status: "completed", conclusion: "cancelled" });
  assertEquals(changed.updated_at, "2026-01-01T00:00:10Z");
  clock.advance(3_600);
  assertEquals(world.run(id), changed);
});

Deno.test("World.updateRun() can set updated_at back", () => {
  const { world } = setUpWorld();
  const { id } = world.addRun("octo-org/api");
  world.updateRun(id, { updated_at: "2025-01-01T00:00:00Z" });
  assertEquals(world.run(id)?.updated_at, "2025-01-01T00:00:00Z");
});

Deno.test("World.rerun() queues the next attempt of the same run", () => {
  const { clock, world } = setUpWorld();
  const { id } = world.addRun("octo-org/api", { status: "completed" });
  clock.advance(100);
  const again = world.rerun(id, TIMELINE);
  assertEquals([again.id, again.run_attempt, again.status, again.conclusion], [
    id,
    2,
    "queued",
    null,
  ]);
  assertEquals(again.created_at, "2026-01-01T00:00:00Z");
  assertEquals(again.run_started_at, "2026-01-01T00:01:40Z");
  clock.advance(65);
  assertEquals(world.run(id)?.status, "completed");
  assertEquals(world.run(id)?.run_attempt, 2);
});

Deno.test("World.removeRun() and removeRepository() remove all data", () => {
  const { world } = setUpWorld();
  const removed = world.addRun("octo-org/api");
  const newest = world.addRun("octo-org/api");
  world.removeRun(removed.id);
  assertEquals(world.runs("octo-org/api").map((run) => run.id), [newest.id]);
  world.removeRepository("Octo-Org/API");
  assertEquals([world.repositories(), world.run(newest.id)], [[], undefined]);
});

Deno.test("World stores only the newest runs of a repository", () => {
  const { clock, world } = setUpWorld(3);
  const ids = [];
  for (let i = 0; i < 5; i++) {
    ids.push(world.addRun("octo-org/api").id);
    clock.advance(1);
  }
  assertEquals(world.runs("octo-org/api").map((run) => run.id), ids.slice(2).reverse());
});

Deno.test("World derives ids and commits from the seed", () => {
  const shas = (seed: number) => {
    const world = new World({ clock: new FakeClock(), seed });
    world.addRepository({ full_name: "octo-org/api" });
    const run = world.addRun("octo-org/api");
    return [run.id, run.head_sha];
  };
  assertEquals(shas(3), shas(3));
  assertNotEquals(shas(3), shas(4));
});

Deno.test("World names an unknown repository or run", () => {
  const { world } = setUpWorld();
  assertThrows(() => world.addRun("octo-org/web"), Error, "Repository octo-org/web not found");
  assertThrows(() => world.rerun(7), Error, "Run 7 not found");
});
