// Tests src/github against GitHub's published API description, with its examples and schemas, served by Prism.
// Not part of `deno task test`, because it needs the npm package of Prism: `deno task test:contract`.
import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { GitHubRepositories } from "../../src/github/repository.ts";
import { GitHubRuns } from "../../src/github/run.ts";
import type { Credential } from "../../src/github/credential.ts";
import { FakeServer, neverAborted, rejectedGitHubError } from "../github/fake_server.ts";
import { Prism } from "./prism.ts";

/** Generated responses per schema: enough to cover every nullable field with and without a value. */
const GENERATED_RESPONSES = 25;

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const app: Credential = {
  appId: "12",
  privateKey: privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
  installationId: 34,
};
const token: Credential = { token: "secret" };
const ACCESS_TOKENS = "/app/installations/34/access_tokens";

let prism: Prism | undefined;
Deno.test.beforeAll(async () => {
  prism = await Prism.start();
});
Deno.test.afterAll(async () => {
  await prism?.[Symbol.asyncDispose]();
});

/**
 * Forwards requests to Prism. `prefer` requests, by path, other responses than the example: `code=404`, or
 * `dynamic=true` for one generated from the schema.
 */
function forward(prefer: Record<string, string> = {}): FakeServer {
  return new FakeServer(async (request) => {
    const { origin, pathname, search, searchParams } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.delete("host");
    // The description has only this media type, for which GitHub's own types stand.
    headers.set("accept", "application/json");
    const preference = prefer[pathname];
    if (preference) headers.set("prefer", preference);
    const body = await request.text() || null;
    const { method } = request;
    const response = await fetch(`${prism?.url}${pathname}${search}`, { method, headers, body });
    return new Response(response.body, {
      status: response.status,
      headers: toGitHubHeaders(response.headers, {
        list: origin + pathname,
        isLast: searchParams.has("page"),
      }),
    });
  });
}

/** Adds an ETag, which is not described, and points the example's link to the next page at the same list. */
function toGitHubHeaders(
  headers: Headers,
  { list, isLast }: { list: string; isLast: boolean },
): Headers {
  const result = new Headers(headers);
  result.set("etag", '"example"');
  const link = headers.get("link") ?? "";
  if (isLast) result.delete("link");
  else result.set("link", link.replaceAll("https://api.github.com/resource", list));
  return result;
}

const repository = {
  id: 1296269,
  fullName: "octocat/Hello-World",
  pushedAt: "2011-01-26T19:06:43Z",
  isPrivate: false,
  defaultBranch: "master",
  htmlUrl: "https://github.com/octocat/Hello-World",
};

const run = {
  id: 30433642,
  repository: "octocat/Hello-World",
  workflowId: 159038,
  workflowName: "Build",
  displayTitle: "Update README.md",
  event: "push",
  status: "queued",
  conclusion: null,
  branch: "master",
  headSha: "acb5820ced9479c074f688cc328bf03f341a511d",
  actor: "octocat",
  runNumber: 562,
  runAttempt: 1,
  createdAt: "2020-01-22T19:33:08Z",
  startedAt: "2020-01-22T19:33:08Z",
  updatedAt: "2020-01-22T19:33:08Z",
  htmlUrl: "https://github.com/octo-org/octo-repo/actions/runs/30433642",
  source: "poll",
} as const;

Deno.test("GitHubRepositories.listRecentlyPushed() reads the published list of a user", async () => {
  await using server = forward();
  const latest = await new GitHubRepositories(server.github(token)).listRecentlyPushed(
    1,
    neverAborted,
  );
  assertEquals(latest, [repository]);
});

Deno.test("GitHubRepositories.listRecentlyPushed() uses the published token and reads the published list of an installation", async () => {
  await using server = forward();
  const latest = await new GitHubRepositories(server.github(app)).listRecentlyPushed(
    1,
    neverAborted,
  );
  assertEquals(latest, [repository]);
  const [tokens, first, ...others] = server.requestedPaths;
  assertEquals([tokens, first], [ACCESS_TOKENS, "/installation/repositories?per_page=100"]);
  // The example's token expired in 2016, so each page requests a new one.
  assertEquals(others, [ACCESS_TOKENS, "/installation/repositories?page=2"]);
  assertEquals(
    server.sentHeaders("authorization")[1],
    "token ghs_16C7e42F292c6912E7710c838347Ae178B4a",
  );
});

Deno.test("GitHubRuns.latest() reads the published list of runs", async () => {
  await using server = forward();
  const runs = await new GitHubRuns(server.github(token)).latest(
    "octo-org/octo-repo",
    1,
    neverAborted,
  );
  assertEquals(runs, [run]);
});

Deno.test("GitHubRuns.byId() reads the published run", async () => {
  await using server = forward();
  const found = await new GitHubRuns(server.github(token)).byId(
    "octo-org/octo-repo",
    30433642,
    neverAborted,
  );
  assertEquals(found, { ...run, branch: "main" });
});

Deno.test("GitHubRepositories.listRecentlyPushed() treats a described 304 as unchanged", async () => {
  const prefer: Record<string, string> = {};
  await using server = forward(prefer);
  const repositories = new GitHubRepositories(server.github(token));
  await repositories.listRecentlyPushed(1, neverAborted);
  prefer["/user/repos"] = "code=304";
  assertEquals(await repositories.listRecentlyPushed(1, neverAborted), [repository]);
  assertEquals(server.sentHeaders("if-none-match"), [null, '"example"']);
});

for (
  const [credential, path, status, failure] of [
    [token, "/user/repos", 401, { kind: "unauthorized" }],
    // A credential that may not list its repositories is not accepted.
    [token, "/user/repos", 403, { kind: "unauthorized" }],
    [token, "/user/repos", 422, { kind: "unavailable", status: 422 }],
    [app, "/installation/repositories", 403, { kind: "unauthorized" }],
    [app, ACCESS_TOKENS, 401, { kind: "unauthorized" }],
    [app, ACCESS_TOKENS, 403, { kind: "unauthorized" }],
    [app, ACCESS_TOKENS, 404, { kind: "unauthorized" }],
    [app, ACCESS_TOKENS, 422, { kind: "unavailable", status: 422 }],
  ] as const
) {
  Deno.test(`GitHubRepositories.listRecentlyPushed() fails with ${failure.kind} for the described ${status} of ${path}`, async () => {
    await using server = forward({ [path]: `code=${status}` });
    const error = await rejectedGitHubError(
      new GitHubRepositories(server.github(credential)).listRecentlyPushed(1, neverAborted),
    );
    assertEquals(error.failure, failure);
    assertMatch(error.message, new RegExp(`${path} with ${status}: string$`));
  });
}

Deno.test("GitHubRuns and GitHubRepositories read all responses that the schemas allow", async () => {
  const runs = "/repos/octo-org/octo-repo/actions/runs";
  const paths = ["/user/repos", "/installation/repositories", runs, `${runs}/1`];
  await using server = forward(Object.fromEntries(paths.map((path) => [path, "dynamic=true"])));
  const [user, installation] = [server.github(token), server.github(app)];
  const read = { runs: 0, repositories: 0 };
  for (let n = 0; n < GENERATED_RESPONSES; n++) {
    read.runs +=
      (await new GitHubRuns(user).latest("octo-org/octo-repo", 100, neverAborted)).length;
    if (await new GitHubRuns(user).byId("octo-org/octo-repo", 1, neverAborted)) read.runs++;
    for (const github of [user, installation]) {
      read.repositories +=
        (await new GitHubRepositories(github).listRecentlyPushed(100, neverAborted)).length;
    }
  }
  assertGreater(read.runs, GENERATED_RESPONSES);
  assertGreater(read.repositories, GENERATED_RESPONSES);
});
