import { assertEquals } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { GitHub } from "../../src/github/client.ts";
import { GitHubRepositories, GitHubWorkflows } from "../../src/github/repository.ts";
import { serve, TOKEN } from "../simulator/serve.ts";
import { FakeServer, neverAborted, nextPageHeader, rejectedGitHubError } from "./fake_server.ts";

function repositoryJson(id: number, pushed_at: string | null): Record<string, unknown> {
  return { id, full_name: `octo/r${id}`, pushed_at, private: true };
}

Deno.test("GitHubRepositories.listRecentlyPushed() lists the user's repositories, latest push first", async () => {
  await using server = new FakeServer(() =>
    Response.json([
      repositoryJson(2, "2026-01-02T00:00:00Z"),
      repositoryJson(1, "2026-01-01T00:00:00Z"),
      repositoryJson(3, null),
    ])
  );
  const latest = await new GitHubRepositories(server.github()).listRecentlyPushed(3, neverAborted);
  assertEquals(latest, [
    { id: 2, fullName: "octo/r2", pushedAt: "2026-01-02T00:00:00Z", isPrivate: true },
    { id: 1, fullName: "octo/r1", pushedAt: "2026-01-01T00:00:00Z", isPrivate: true },
    { id: 3, fullName: "octo/r3", pushedAt: null, isPrivate: true },
  ]);
  assertEquals(server.requestedPaths, ["/user/repos?sort=pushed&direction=desc&per_page=3"]);
});

Deno.test("GitHubRepositories.listRecentlyPushed() lists and sorts all repositories of an installation", async () => {
  const pages = [
    [
      repositoryJson(1, "2026-01-01T00:00:00Z"),
      repositoryJson(2, null),
      repositoryJson(3, "2026-01-03T00:00:00+02:00"),
    ],
    [repositoryJson(4, "2026-01-02T23:00:00Z"), repositoryJson(5, "2026-01-01T00:00:00Z")],
  ];
  await using server = new FakeServer((request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/app/installations/34/access_tokens") {
      const expires_at = new Date(Date.now() + 3_600_000).toISOString();
      return Response.json({ token: "t", expires_at }, { status: 201 });
    }
    const page = Number(searchParams.get("page") ?? 1);
    const headers = page === 1
      ? nextPageHeader(request, "/installation/repositories?per_page=100&page=2")
      : {};
    return Response.json({ total_count: 5, repositories: pages[page - 1] }, { headers });
  });
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const github = server.github({
    appId: "12",
    privateKey: privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
    installationId: 34,
  });
  const latest = await new GitHubRepositories(github).listRecentlyPushed(4, neverAborted);
  assertEquals(latest.map(({ id }) => id), [4, 3, 5, 1]);
  assertEquals(server.requestedPaths.slice(1), [
    "/installation/repositories?per_page=100",
    "/installation/repositories?per_page=100&page=2",
  ]);
});

Deno.test("GitHubRepositories.listRecentlyPushed() fails as unavailable on an invalid repository", async () => {
  await using server = new FakeServer(() =>
    Response.json([repositoryJson(1, null), { ...repositoryJson(2, null), full_name: 2 }])
  );
  const error = await rejectedGitHubError(
    new GitHubRepositories(server.github()).listRecentlyPushed(3, neverAborted),
  );
  assertEquals(error.failure, { kind: "unavailable" });
  assertEquals(
    error.message,
    "GitHub's answer to GET /user/repos is not as documented: [1].full_name: Invalid input: expected string, received number",
  );
});

function setUp() {
  const simulated = serve();
  const github = new GitHub({
    credential: { token: TOKEN },
    baseUrl: `${simulated.url}/api/v3`,
    version: "0",
    clock: simulated.clock,
  });
  return {
    ...simulated,
    repositories: new GitHubRepositories(github),
    workflows: new GitHubWorkflows(github),
  };
}

Deno.test("GitHubWorkflows.listWorkflows() reads all pages", async () => {
  await using test = setUp();
  const names = Array.from({ length: 130 }, (_, index) => ({ name: `W${index}` }));
  const { workflows: [first] } = test.world.addRepository({ full_name: "o/r", workflows: names });
  const workflows = await test.workflows.listWorkflows("o/r", neverAborted);
  assertEquals(workflows.length, 130);
  assertEquals(workflows[0], {
    id: first?.id,
    name: "W0",
    path: ".github/workflows/w0.yml",
    state: "active",
    htmlUrl: `${test.url}/o/r/blob/main/.github/workflows/w0.yml`,
  });
});

Deno.test("GitHubRepositories.findByName() finds a repository by its current or former name", async () => {
  await using test = setUp();
  const { id, pushed_at } = test.world.addRepository({
    full_name: "o/old",
    private: true,
    default_branch: "trunk",
  });
  const expected = {
    id,
    pushedAt: pushed_at,
    isPrivate: true,
    defaultBranch: "trunk",
  };
  assertEquals(await test.repositories.findByName("O/Old", neverAborted), {
    ...expected,
    fullName: "o/old",
    htmlUrl: `${test.url}/o/old`,
  });
  test.world.renameRepository("o/old", "o/new");
  const moved = await test.repositories.findByName("o/old", neverAborted);
  assertEquals([moved.id, moved.fullName], [id, "o/new"]);
  const statuses = test.simulator.requests.entries.map(({ status }) => status);
  assertEquals(statuses, [200, 301, 200]);
});

for (const status of [403, 404, 451] as const) {
  Deno.test(`GitHubRepositories.findByName() fails as not_accessible on ${status}`, async () => {
    await using test = setUp();
    test.world.addRepository({ full_name: "o/r" });
    test.world.blockRepository("o/r", status);
    const { failure } = await rejectedGitHubError(
      test.repositories.findByName("o/r", neverAborted),
    );
    assertEquals(failure, { kind: "not_accessible", status });
  });
}
