import { assertEquals, assertMatch } from "@std/assert";
import type { Run } from "../../src/run/run.ts";
import { GitHubRuns } from "../../src/github/run.ts";
import {
  FakeServer,
  neverAborted,
  nextPageHeader,
  rejectedGitHubError,
  respondWithEtag,
  runJson,
} from "./fake_server.ts";

const run: Run = {
  id: 30433642,
  repository: "octo-org/octo-repo",
  workflowId: 159038,
  workflowName: "Build",
  displayTitle: "Update README.md",
  event: "push",
  status: "completed",
  conclusion: "success",
  branch: "main",
  headSha: "acb5820ced9479c074f688cc328bf03f341a511d",
  actor: "octocat",
  runNumber: 562,
  runAttempt: 2,
  createdAt: "2020-01-22T19:33:08Z",
  startedAt: "2020-01-22T19:33:10Z",
  updatedAt: "2020-01-22T19:43:08Z",
  htmlUrl: "https://github.com/octo-org/octo-repo/actions/runs/30433642",
  source: "poll",
};

function serveRuns(...runs: readonly unknown[]): FakeServer {
  return new FakeServer(() => Response.json({ total_count: runs.length, workflow_runs: runs }));
}

Deno.test("GitHubRuns.latest() requests the unfiltered list and converts it", async () => {
  await using server = serveRuns(runJson(), runJson({ id: 1 }));
  const runs = await new GitHubRuns(server.github()).latest("octo-org/octo-repo", 2, neverAborted);
  assertEquals(runs, [run, { ...run, id: 1 }]);
  assertEquals(server.requestedPaths, ["/repos/octo-org/octo-repo/actions/runs?per_page=2"]);
});

Deno.test("GitHubRuns.latest() returns at most the requested count", async () => {
  await using server = serveRuns(runJson(), runJson({ id: 1 }));
  const runs = await new GitHubRuns(server.github()).latest("octo-org/octo-repo", 1, neverAborted);
  assertEquals(runs.map(({ id }) => id), [30433642]);
});

Deno.test("GitHubRuns.latest() sends conditional requests", async () => {
  await using server = new FakeServer((request) =>
    respondWithEtag(request, { workflow_runs: [runJson()] })
  );
  const github = server.github();
  const runs = new GitHubRuns(github);
  for (const _ of [1, 2]) {
    assertEquals(await runs.latest("octo-org/octo-repo", 2, neverAborted), [run]);
  }
  assertEquals(github.notModified, 1);
});

const emptyFields = {
  name: null,
  display_title: null,
  head_branch: null,
  conclusion: null,
  status: null,
  actor: null,
  run_started_at: null,
  run_attempt: null,
};
const runWithoutOptionalFields: Run = {
  ...run,
  workflowName: ".github/workflows/build.yml@main",
  displayTitle: ".github/workflows/build.yml@main",
  branch: null,
  conclusion: null,
  status: null,
  actor: null,
  startedAt: null,
  runAttempt: 1,
};

Deno.test("GitHubRuns accepts null in optional fields", async () => {
  await using server = serveRuns(runJson(emptyFields));
  assertEquals(await new GitHubRuns(server.github()).latest("a/b", 1, neverAborted), [
    runWithoutOptionalFields,
  ]);
});

Deno.test("GitHubRuns accepts missing optional fields", async () => {
  const retained = Object.entries(runJson()).filter(([name]) => !(name in emptyFields));
  await using server = serveRuns(Object.fromEntries(retained));
  assertEquals(await new GitHubRuns(server.github()).latest("a/b", 1, neverAborted), [
    runWithoutOptionalFields,
  ]);
});

Deno.test("GitHubRuns accepts an unknown status, conclusion and event", async () => {
  const unknown = { status: "pondering", conclusion: "shrugged", event: "eclipse" };
  await using server = serveRuns(runJson(unknown));
  assertEquals(await new GitHubRuns(server.github()).latest("a/b", 1, neverAborted), [{
    ...run,
    ...unknown,
  }]);
});

for (
  const [field, value] of [
    ["id", "1"],
    ["id", 1.5],
    ["created_at", "yesterday"],
    ["updated_at", null],
    ["head_sha", undefined],
    ["repository.full_name", undefined],
  ] as const
) {
  Deno.test(`GitHubRuns names the field if one run has ${field} = ${value}`, async () => {
    const [name = "", inner] = field.split(".");
    await using server = serveRuns(
      runJson(),
      runJson({ [name]: inner ? { [inner]: value } : value }),
    );
    const error = await rejectedGitHubError(
      new GitHubRuns(server.github()).latest("a/b", 2, neverAborted),
    );
    assertEquals(error.failure, { kind: "unavailable" });
    assertMatch(
      error.message,
      new RegExp(`is not as documented: workflow_runs\\[1\\]\\.${field}: `),
    );
  });
}

Deno.test("GitHubRuns.byId() requests one run and converts it", async () => {
  await using server = new FakeServer(() => Response.json(runJson()));
  const found = await new GitHubRuns(server.github()).byId(
    "octo-org/octo-repo",
    30433642,
    neverAborted,
  );
  assertEquals(found, run);
  assertEquals(server.requestedPaths, ["/repos/octo-org/octo-repo/actions/runs/30433642"]);
});

Deno.test("GitHubRuns.byId() returns undefined on 404, and fails on other errors", async () => {
  for (const status of [404, 403, 500]) {
    await using server = new FakeServer(() => Response.json({ message: "No" }, { status }));
    const answer = new GitHubRuns(server.github()).byId("a/b", 1, neverAborted);
    if (status === 404) assertEquals(await answer, undefined);
    else assertMatch((await rejectedGitHubError(answer)).message, new RegExp(`${status}`));
  }
});

for (
  const [name, path] of [
    ["octo/a b", "/repos/octo/a%20b"],
    ["octo/a?b=c#d", "/repos/octo/a%3Fb%3Dc%23d"],
    ["octo/../../user", "/repos/octo/..%2F..%2Fuser"],
    ["octo/{id}", "/repos/octo/%7Bid%7D"],
    ["octo/ü%2F", "/repos/octo/%C3%BC%252F"],
  ] as const
) {
  Deno.test(`GitHubRuns escapes the repository name ${name}`, async () => {
    await using server = serveRuns();
    await new GitHubRuns(server.github()).latest(name, 1, neverAborted);
    assertEquals(server.requestedPaths, [`${path}/actions/runs?per_page=1`]);
  });
}

for (const name of ["octo", "", "/", "octo/", "/name", "octo/..", "../name", "octo/."]) {
  Deno.test(`GitHubRuns sends no request for the invalid repository name ${JSON.stringify(name)}`, async () => {
    await using server = serveRuns();
    const runs = new GitHubRuns(server.github());
    const error = await rejectedGitHubError(runs.latest(name, 1, neverAborted));
    assertEquals(error.failure, { kind: "not_accessible", status: 404 });
    assertEquals(await runs.byId(name, 1, neverAborted), undefined);
    assertEquals(server.requests.length, 0);
  });
}

const JANUARY = { from: Date.UTC(2020, 0, 1), to: Date.UTC(2020, 1, 1) };

Deno.test("GitHubRuns.listCreated() requests whole seconds, both ends included, and follows Link", async () => {
  await using server = new FakeServer((request, count) =>
    Response.json({ total_count: 101, workflow_runs: [runJson({ id: count })] }, {
      headers: count === 1 ? nextPageHeader(request, "/repositories/1/actions/runs?page=2") : {},
    })
  );
  const runs = new GitHubRuns(server.github());
  const first = await runs.listCreated("octo-org/octo-repo", { range: JANUARY }, neverAborted);
  assertEquals([first.total, first.runs], [101, [{ ...run, id: 1 }]]);
  const last = await runs.listCreated("a/b", { range: JANUARY, next: first.next }, neverAborted);
  assertEquals(last, { total: 101, runs: [{ ...run, id: 2 }], next: undefined });
  assertEquals(server.requestedPaths.map(decodeURIComponent), [
    "/repos/octo-org/octo-repo/actions/runs?created=2020-01-01T00:00:00Z..2020-01-31T23:59:59Z&per_page=100",
    "/repositories/1/actions/runs?page=2",
  ]);
});

Deno.test("GitHubRuns.listCreated() does not cache responses", async () => {
  await using server = new FakeServer((request) =>
    respondWithEtag(request, { total_count: 1, workflow_runs: [runJson()] })
  );
  const runs = new GitHubRuns(server.github());
  for (const _ of [1, 2]) await runs.listCreated("a/b", { range: JANUARY }, neverAborted);
  assertEquals(server.sentHeaders("if-none-match"), [null, null]);
});

Deno.test("GitHubRuns.listCreated() rejects a list outside the requested range", async () => {
  await using server = new FakeServer(() =>
    Response.json({ total_count: 5_000, workflow_runs: [runJson()] })
  );
  const span = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 2) };
  const error = await rejectedGitHubError(
    new GitHubRuns(server.github()).listCreated("a/b", { range: span }, neverAborted),
  );
  assertEquals(error.failure, { kind: "unavailable" });
  assertMatch(error.message, /not created in 2026-01-01T00:00:00Z\.\.2026-01-01T23:59:59Z/);
});
