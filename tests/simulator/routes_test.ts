import { assert, assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { serve, toObjects } from "./serve.ts";

Deno.test("GET /repos/:owner/:repo/actions/runs lists newest first with a total", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const first = github.world.addRun("octo-org/api");
  github.clock.advance(1);
  const second = github.world.addRun("octo-org/api");
  const { status, json } = await github.request("/repos/octo-org/api/actions/runs?per_page=2");
  assertEquals(status, 200);
  assertEquals(json.total_count, 2);
  assertEquals(toObjects(json.workflow_runs).map((run) => run.id), [second.id, first.id]);
});

Deno.test("GET /repos/:owner/:repo/actions/runs puts the higher id first within a second", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const { id: low } = github.world.addRun("octo-org/api");
  const { id: high } = github.world.addRun("octo-org/api");
  const { json } = await github.request("/repos/octo-org/api/actions/runs");
  assertEquals(toObjects(json.workflow_runs).map((run) => run.id), [high, low]);
});

Deno.test("GET /repos/:owner/:repo/actions/runs/:id has the documented shape", async () => {
  await using github = serve();
  const repository = github.world.addRepository({ full_name: "octo-org/api" });
  const run = github.world.addRun("octo-org/api", { display_title: "Fix it", actor: "monalisa" });
  const { json } = await github.request(`/repos/octo-org/api/actions/runs/${run.id}`);
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

Deno.test("GET /repos/:owner/:repo/actions/runs/:id returns null and missing fields as in the world", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const { id } = github.world.addRun("octo-org/api", {
    name: null,
    head_branch: null,
    actor: null,
    run_attempt: undefined,
  });
  const { json } = await github.request(`/repos/octo-org/api/actions/runs/${id}`);
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
    (await github.request(`/user/repos?${query}`)).list.map((it) => it.name);
  assertEquals(await names("sort=pushed"), ["new", "old", "never"]);
  assertEquals(await names("sort=pushed&direction=asc"), ["never", "old", "new"]);
  assertEquals(await names(""), ["never", "new", "old"]);
});

Deno.test("GET /user/repos pages with a Link header", async () => {
  await using github = serve();
  for (const name of ["a", "b", "c", "d", "e"]) {
    github.world.addRepository({ full_name: `octo-org/${name}` });
  }
  const { list, headers } = await github.request("/user/repos?per_page=2&page=2");
  assertEquals(list.map((it) => it.name), ["c", "d"]);
  const page = (number: number) => `<${github.url}/user/repos?per_page=2&page=${number}>`;
  assertEquals(
    headers.get("link"),
    `${page(1)}; rel="prev", ${page(3)}; rel="next", ${page(3)}; rel="last", ${
      page(1)
    }; rel="first"`,
  );
  const next = await github.request(
    /<([^>]+)>; rel="next"/.exec(headers.get("link") ?? "")?.[1] ?? "",
  );
  assertEquals(next.list.map((it) => it.name), ["e"]);
});

Deno.test("per_page defaults to 30, with a maximum of 100", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  for (let i = 0; i < 120; i++) github.world.addRun("octo-org/api");
  const count = async (query: string) => {
    const { json } = await github.request(`/repos/octo-org/api/actions/runs${query}`);
    assertEquals(json.total_count, 120);
    return toObjects(json.workflow_runs).length;
  };
  assertEquals(await count(""), 30);
  assertEquals(await count("?per_page=1000"), 100);
  assertEquals(await count("?per_page=1"), 1);
  assertEquals(await count("?per_page=0"), 30);
  assertEquals(await count("?per_page=x"), 30);
  assertEquals(await count("?per_page=100&page=2"), 20);
  assertEquals(await count("?per_page=100&page=9"), 0);
});

Deno.test("A single page has no Link header", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  assertEquals((await github.request("/user/repos")).headers.get("link"), null);
});

Deno.test("GET /repos/:owner/:repo is case-insensitive", async () => {
  await using github = serve();
  const { id } = github.world.addRepository({
    full_name: "octo-org/API",
    private: true,
    language: "Go",
  });
  const { json } = await github.request("/repos/Octo-Org/api");
  assertObjectMatch(json, {
    id,
    name: "API",
    full_name: "octo-org/API",
    private: true,
    visibility: "private",
    language: "Go",
    default_branch: "main",
    pushed_at: "2026-01-01T00:00:00Z",
    owner: { login: "octo-org" },
    url: `${github.url}/repos/octo-org/API`,
    html_url: `${github.url}/octo-org/API`,
    permissions: { pull: true },
  });
});

Deno.test("GET /repos/:owner/:repo/actions/workflows lists the workflows", async () => {
  await using github = serve();
  const workflows = [{ name: "CI" }, { name: "Deploy to prod" }];
  const repository = github.world.addRepository({ full_name: "octo-org/api", workflows });
  const { json } = await github.request("/repos/octo-org/api/actions/workflows");
  assertEquals(json.total_count, 2);
  assertEquals(
    toObjects(json.workflows).map(({ id, name, path, state }) => ({ id, name, path, state })),
    [
      {
        id: repository.workflows[0]?.id,
        name: "CI",
        path: ".github/workflows/ci.yml",
        state: "active",
      },
      {
        id: repository.workflows[1]?.id,
        name: "Deploy to prod",
        path: ".github/workflows/deploy-to-prod.yml",
        state: "active",
      },
    ],
  );
});

Deno.test("GET /repos/:owner/:repo/actions/runs/:id has the URL of the previous attempt", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const { id } = github.world.addRun("octo-org/api");
  github.world.rerun(id);
  const { json } = await github.request(`/repos/octo-org/api/actions/runs/${id}`);
  assertEquals(json.run_attempt, 2);
  assertEquals(
    json.previous_attempt_url,
    `${github.url}/repos/octo-org/api/actions/runs/${id}/attempts/1`,
  );
});

Deno.test("GET /repos/:owner/:repo/actions/runs/:id does not find a run of another repository", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  github.world.addRepository({ full_name: "octo-org/web" });
  const { id } = github.world.addRun("octo-org/web");
  assertEquals((await github.request(`/repos/octo-org/api/actions/runs/${id}`)).status, 404);
  assertEquals((await github.request(`/repos/octo-org/web/actions/runs/${id}`)).status, 200);
});

Deno.test("GET /user returns the owner of the token", async () => {
  await using github = serve({ login: "monalisa" });
  assertObjectMatch((await github.request("/user")).json, { login: "monalisa", type: "User" });
});

Deno.test("/api/v3 serves the same API, with URLs below it", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  github.world.addRepository({ full_name: "octo-org/web" });
  const { status, list, headers } = await github.request("/api/v3/user/repos?per_page=1");
  assertEquals(status, 200);
  assertEquals(list[0]?.url, `${github.url}/api/v3/repos/octo-org/api`);
  assertEquals(list[0]?.html_url, `${github.url}/octo-org/api`);
  assert(headers.get("link")?.startsWith(`<${github.url}/api/v3/user/repos?`));
});

Deno.test("An unknown path, repository or run gets 404 with GitHub's text", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const paths = [
    "/nothing",
    "/repos/octo-org/none",
    "/repos/octo-org/none/actions/runs",
    "/repos/octo-org/api/actions/runs/1",
    "/repos/octo-org/api/actions/runs/latest",
  ];
  for (const path of paths) {
    const { status, text } = await github.request(path);
    assertEquals(status, 404, path);
    assertEquals(
      text,
      '{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}',
    );
  }
});

Deno.test("A blocked repository has its status on all routes, and stays in the lists", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const { id } = github.world.addRun("octo-org/api");
  for (const status of [403, 404, 451] as const) {
    github.world.blockRepository("octo-org/api", status);
    for (const path of ["", "/actions/runs", `/actions/runs/${id}`, "/actions/workflows"]) {
      assertEquals((await github.request(`/repos/octo-org/api${path}`)).status, status);
    }
  }
  assertEquals(
    (await github.request("/repos/octo-org/api")).json.message,
    "Repository access blocked",
  );
  assertEquals((await github.request("/user/repos")).list.length, 1);
  github.world.blockRepository("octo-org/api", undefined);
  assertEquals((await github.request("/repos/octo-org/api")).status, 200);
});

Deno.test("An unsupported X-GitHub-Api-Version gets 400", async () => {
  await using github = serve();
  const request = (version: string) =>
    github.request("/user", { headers: { "x-github-api-version": version } });
  const rejected = await request("1999-01-01");
  assertEquals([rejected.status, rejected.json.message], [400, "Bad Request"]);
  assertMatch(
    String(rejected.json.errors),
    /"1999-01-01", is not a supported version.*"2026-03-10" \(most recent\)/,
  );
  for (const version of ["2022-11-28", "2026-03-10"]) {
    const { status, headers } = await request(version);
    assertEquals([status, headers.get("x-github-api-version-selected")], [200, version]);
  }
});
