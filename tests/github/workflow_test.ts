import { assertEquals } from "@std/assert";
import { GitHub } from "../../src/github/client.ts";
import { GitHubRepositories, GitHubWorkflows } from "../../src/github/repository.ts";
import { serve, TOKEN } from "../simulator/serve.ts";
import { neverAborted, rejectedGitHubError } from "./fake_server.ts";

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

Deno.test("GitHubWorkflows.of() reads all pages", async () => {
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

Deno.test("GitHubRepositories.byName() tells a repository, also by a name that it had", async () => {
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
  Deno.test(`GitHubRepositories.byName() is refused as missing on ${status}`, async () => {
    await using test = setUp();
    test.world.addRepository({ full_name: "o/r" });
    test.world.blockRepository("o/r", status);
    const { failure } = await rejectedGitHubError(
      test.repositories.findByName("o/r", neverAborted),
    );
    assertEquals(failure, { kind: "not_accessible", status });
  });
}
