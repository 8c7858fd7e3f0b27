import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { listOf, serve } from "./served.ts";

Deno.test("GET /repos/:owner/:repo/actions/runs lists newest first with a total", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const first = github.world.addRun("octo-org/api");
  github.clock.pass(1);
  const second = github.world.addRun("octo-org/api");
  const { status, json } = await github.ask("/repos/octo-org/api/actions/runs?per_page=2");
  assertEquals(status, 200);
  assertEquals(json.total_count, 2);
  assertEquals(listOf(json.workflow_runs).map((run) => run.id), [second.id, first.id]);
});

Deno.test("GET /repos/:owner/:repo/actions/runs puts the higher id first within a second", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const { id: low } = github.world.addRun("octo-org/api");
  const { id: high } = github.world.addRun("octo-org/api");
  const { json } = await github.ask("/repos/octo-org/api/actions/runs");
  assertEquals(listOf(json.workflow_runs).map((run) => run.id), [high, low]);
});

Deno.test("GET /repos/:owner/:repo/actions/runs/:id has the documented shape", async () => {
  await using github = serve();
  const repository = github.world.addRepository({ full_name: "octo-org/api" });
  const run = github.world.addRun("octo-org/api", { display_title: "Fix it", actor: "monalisa" });
  const { json } = await github.ask(`/repos/octo-org/api/actions/runs/${run.id}`);
  assertObjectMatch(json, {
    id: run.id,
    name: "CI",
    display_title: "Fix it",
    event: "push",
    status: "queued",
    conclusion: null,
    head_branch: "main",
    path: ".github/workflows/ci.yml",
    run_number: 1,
    run_attempt: 1,
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
    run_started_at: "2026-01-01T00:00:00Z",
    actor: { login: "monalisa", type: "User" },
    url: `${github.url}/repos/octo-org/api/actions/runs/${run.id}`,
    html_url: `${github.url}/octo-org/api/actions/runs/${run.id}`,
    previous_attempt_url: null,
    repository: { id: repository.id, full_name: "octo-org/api", owner: { login: "octo-org" } },
  });
  assertMatch(String(json.head_sha), /^[0-9a-f]{40}$/);
});

Deno.test("GET /repos/:owner/:repo/actions/runs/:id gives null and missing fields as the world has them", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const { id } = github.world.addRun("octo-org/api", {
    name: null,
    head_branch: null,
    actor: null,
    run_attempt: undefined,
  });
  const { json } = await github.ask(`/repos/octo-org/api/actions/runs/${id}`);
  assertEquals([json.name, json.head_branch, json.actor, json.triggering_actor], [
    null,
    null,
    null,
    null,
  ]);
  assert(!("run_attempt" in json));
});

Deno.test("GET /user/repos sorts by the latest push", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/never", pushed_at: null });
  github.world.addRepository({ full_name: "octo-org/old", pushed_at: "2025-01-01T00:00:00Z" });
  github.world.addRepository({ full_name: "octo-org/new", pushed_at: "2025-06-01T00:00:00Z" });
  const names = async (query: string) =>
    (await github.ask(`/user/repos?${query}`)).list.map((it) => it.name);
  assertEquals(await names("sort=pushed"), ["new", "old", "never"]);
  assertEquals(await names("sort=pushed&direction=asc"), ["never", "old", "new"]);
  assertEquals(await names(""), ["never", "new", "old"]);
});
