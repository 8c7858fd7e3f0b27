import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { z } from "zod";
import type { RepositoryRef } from "../../src/account/access_cache.ts";
import { TokenRejectedError } from "../../src/account/oauth_provider.ts";
import { systemClock } from "../../src/clock.ts";
import { GitHubAccess } from "../../src/github/access.ts";
import { FakeServer, neverAborted, rejectedGitHubError } from "./fake_server.ts";
import { setUpOAuth } from "./oauth_setup.ts";

type Mona = ReturnType<typeof setUpOAuth>;

/** One public and three private repositories. Mona may read the first private one. */
function addRepositories({ world }: Mona) {
  const add = (name: string, isPrivate: boolean): RepositoryRef => {
    const { id, full_name } = world.addRepository({ full_name: name, private: isPrivate });
    return { id, fullName: full_name };
  };
  const all = {
    open: add("octo-org/open", false),
    granted: add("octo-org/granted", true),
    secret: add("octo-org/secret", true),
    own: add("mona/own", true),
  };
  world.users.grant("mona", "octo-org/granted");
  return all;
}

const REPOSITORY_A: RepositoryRef = { id: 1, fullName: "octo/a" };
const REPOSITORY_B: RepositoryRef = { id: 2, fullName: "octo/b" };

/** Calls filterReadable at a server with this response. */
async function filterReadableAt(
  answer: () => Response,
  repositories = [REPOSITORY_A, REPOSITORY_B],
) {
  await using server = new FakeServer(answer);
  const access = new GitHubAccess({ baseUrl: server.url, version: "1.2.3", clock: systemClock });
  return await access.filterReadable(repositories, "ghu_a", neverAborted);
}

for (const kind of ["oauth_app", "github_app"] as const) {
  Deno.test(`GitHubAccess.filterReadable() returns what a user may read (${kind})`, async () => {
    await using mona = setUpOAuth(kind);
    const { open, granted, own, ...rest } = addRepositories(mona);
    const token = mona.simulator.signIn("mona", "Iv1.a");
    const all = [open, granted, own, ...Object.values(rest)];
    const ids = new Set([open.id, granted.id, own.id]);
    assertEquals(await mona.access.filterReadable(all, token, neverAborted), ids);
    assertEquals(mona.requests(), ["POST /graphql"]);
    mona.world.users.revoke("mona", "octo-org/granted");
    assertEquals(
      await mona.access.filterReadable([granted, open], token, neverAborted),
      new Set([open.id]),
    );
  });
}

Deno.test("GitHubAccess.filterReadable() sends to /api/graphql of a GitHub Enterprise Server", async () => {
  await using mona = setUpOAuth("oauth_app", { api: "/api/v3" });
  const { open } = addRepositories(mona);
  const token = mona.simulator.signIn("mona", "Iv1.a");
  assertEquals(await mona.access.filterReadable([open], token, neverAborted), new Set([open.id]));
  assertEquals(mona.requests(), ["POST /api/graphql"]);
});

Deno.test("GitHubAccess.filterReadable() returns no private repository without the scope or the App", async () => {
  await using mona = setUpOAuth("oauth_app");
  const { open, granted, own } = addRepositories(mona);
  const unscoped = mona.simulator.signIn("mona", "Iv1.a", ["read:org"]);
  assertEquals(
    await mona.access.filterReadable([open, own], unscoped, neverAborted),
    new Set([open.id]),
  );
  await using app = setUpOAuth("github_app");
  addRepositories(app);
  app.world.users.uninstall("octo-org/granted");
  const token = app.simulator.signIn("mona", "Iv1.a");
  assertEquals(
    await app.access.filterReadable([granted, own], token, neverAborted),
    new Set([own.id]),
  );
});

Deno.test("GitHubAccess.filterReadable() compares ids when a name belongs to another repository", async () => {
  await using mona = setUpOAuth();
  const { open, granted } = addRepositories(mona);
  const token = mona.simulator.signIn("mona", "Iv1.a");
  mona.world.renameRepository("octo-org/granted", "octo-org/renamed");
  // The former name redirects to it.
  assertEquals(
    await mona.access.filterReadable([granted], token, neverAborted),
    new Set([granted.id]),
  );
  mona.world.addRepository({ full_name: "octo-org/granted" });
  assertEquals(
    await mona.access.filterReadable([granted, open], token, neverAborted),
    new Set([open.id]),
  );
});

Deno.test("GitHubAccess.filterReadable() sends a hundred repositories per query", async () => {
  await using mona = setUpOAuth();
  const all = Array.from({ length: 230 }, (_, at) => {
    const { id, full_name } = mona.world.addRepository({
      full_name: `octo-org/${at}`,
      private: true,
    });
    if (at % 3 === 0) mona.world.users.grant("mona", full_name);
    return { id, fullName: full_name };
  });
  const token = mona.simulator.signIn("mona", "Iv1.a");
  const expected = new Set(all.filter((_, at) => at % 3 === 0).map(({ id }) => id));
  assertEquals(await mona.access.filterReadable(all, token, neverAborted), expected);
  assertEquals(mona.requests().length, 3);
  assertEquals(mona.simulator.graphqlLimits.get({ token }).used, 3);
});

Deno.test("GitHubAccess.filterReadable() sends no query without a valid name", async () => {
  await using mona = setUpOAuth();
  const names = ["", "octo", "octo/a/b", "/a"];
  const nameless = names.map((fullName, id) => ({ id, fullName }));
  assertEquals(await mona.access.filterReadable(nameless, "ghu_a", neverAborted), new Set());
  assertEquals(mona.requests(), []);
});

Deno.test("GitHubAccess.filterReadable() sends names as variables, never in the query", async () => {
  const sent: unknown[] = [];
  await using server = new FakeServer(async (request) => {
    sent.push(await request.json());
    return Response.json({ data: { r0: null } });
  });
  const access = new GitHubAccess({ baseUrl: server.url, version: "1.2.3", clock: systemClock });
  await access.filterReadable([{ id: 1, fullName: 'o"){id}/{n}' }], "ghu_a", neverAborted);
  assertEquals(sent, [{
    query: "query ($owner0: String!, $name0: String!) { " +
      "r0: repository(owner: $owner0, name: $name0) { databaseId } }",
    variables: { owner0: 'o"){id}', name0: "{n}" },
  }]);
  assertEquals(server.sentHeaders("authorization"), ["Bearer ghu_a"]);
});

Deno.test("GitHubAccess.filterReadable() treats NOT_FOUND and FORBIDDEN as not readable", async () => {
  const hidden = { data: { r0: null, r1: { databaseId: 2 } } };
  const saml = { type: "FORBIDDEN", path: ["r0"], extensions: { saml_failure: true } };
  for (const error of [saml, { type: "NOT_FOUND", path: ["r0"], message: "Could not resolve" }]) {
    const answer = () => Response.json({ ...hidden, errors: [error] });
    assertEquals(await filterReadableAt(answer), new Set([2]));
  }
});

Deno.test("GitHubAccess.filterReadable() fails on any other error", async () => {
  const data = { r0: null, r1: { databaseId: 2 } };
  const bodies: readonly Readonly<Record<string, unknown>>[] = [
    { data, errors: [{ message: "Something went wrong", path: ["r0"] }] },
    { data, errors: [{ type: "INTERNAL", path: ["r0"] }] },
    { data, errors: [{ type: "NOT_FOUND" }] },
    { data, errors: [{ type: "NOT_FOUND", path: ["r1"] }] },
    { data, errors: [{ type: "NOT_FOUND", path: ["r0", "databaseId"] }, { type: "X" }] },
    { data: null, errors: [{ message: "Something went wrong" }] },
    { errors: [{ message: "Parse error" }] },
    {},
    { data: "all" },
    { message: "Bad credentials" },
  ];
  for (const body of bodies) {
    const { failure } = await rejectedGitHubError(filterReadableAt(() => Response.json(body)));
    assertEquals(failure, { kind: "unavailable" }, JSON.stringify(body));
  }
});

Deno.test("GitHubAccess.filterReadable() detects an exhausted rate limit with status 200", async () => {
  await using mona = setUpOAuth();
  const { open } = addRepositories(mona);
  const token = mona.simulator.signIn("mona", "Iv1.a");
  const reset = mona.clock.now() / 1_000 + 60;
  mona.simulator.graphqlLimits.set(token, { remaining: 0, reset });
  const { failure } = await rejectedGitHubError(
    mona.access.filterReadable([open], token, neverAborted),
  );
  assertEquals(failure, { kind: "rate_limited", retryAt: reset * 1_000 });
  mona.clock.advance(60);
  assertEquals(await mona.access.filterReadable([open], token, neverAborted), new Set([open.id]));
});

Deno.test("GitHubAccess.filterReadable() detects every error type of a rate limit", async () => {
  for (const type of ["RATE_LIMITED", "RATE_LIMIT"]) {
    const body = { errors: [{ type, message: "API rate limit already exceeded" }] };
    const { failure } = await rejectedGitHubError(filterReadableAt(() => Response.json(body)));
    assertEquals(failure, { kind: "rate_limited" });
  }
});

Deno.test("GitHubAccess.filterReadable() detects the secondary rate limit and an outage", async () => {
  await using mona = setUpOAuth();
  const { open } = addRepositories(mona);
  const token = mona.simulator.signIn("mona", "Iv1.a");
  const kinds: string[] = [];
  const faults = [
    { kind: "secondary_limit", retryAfter: 5 },
    { kind: "secondary_limit", status: 429 },
    { kind: "status", status: 502 },
    { kind: "garbage" },
    { kind: "cut" },
  ] as const;
  for (const fault of faults) {
    mona.simulator.faults.add(fault);
    kinds.push(
      (await rejectedGitHubError(mona.access.filterReadable([open], token, neverAborted))).failure
        .kind,
    );
  }
  assertEquals(kinds, [
    "rate_limited",
    "rate_limited",
    "unavailable",
    "unavailable",
    "unavailable",
  ]);
});

Deno.test("GitHubAccess.filterReadable() throws for a rejected token and a suspended user", async () => {
  await using mona = setUpOAuth();
  const { open } = addRepositories(mona);
  const token = mona.simulator.signIn("mona", "Iv1.a");
  mona.simulator.credentials.revoke(token);
  const { message } = await assertRejects(
    () => mona.access.filterReadable([open], token, neverAborted),
    TokenRejectedError,
  );
  assertEquals(message, "GitHub answered POST /graphql with 401: Bad credentials");
  const suspended = { message: "Sorry. Your account was suspended." };
  await assertRejects(
    () => filterReadableAt(() => Response.json(suspended, { status: 403 })),
    TokenRejectedError,
    "Your account was suspended",
  );
  // An error of a proxy or a rule says nothing about the token.
  const { failure } = await rejectedGitHubError(
    filterReadableAt(() => new Response("No", { status: 403 })),
  );
  assertEquals(failure, { kind: "not_accessible", status: 403 });
});

Deno.test("GitHubAccess.filterReadable() runs requests of different users concurrently", async () => {
  const slow = Promise.withResolvers<void>();
  const reader = z.object({ variables: z.object({ name0: z.string() }) });
  await using server = new FakeServer(async (request) => {
    const { variables } = reader.parse(await request.json());
    if (variables.name0 === "a") await slow.promise;
    return Response.json({ data: { r0: { databaseId: 2 } } });
  });
  const access = new GitHubAccess({ baseUrl: server.url, version: "1.2.3", clock: systemClock });
  const first = access.filterReadable([REPOSITORY_A], "ghu_a", neverAborted);
  assertEquals(await access.filterReadable([REPOSITORY_B], "ghu_b", neverAborted), new Set([2]));
  slow.resolve();
  assertEquals(await first, new Set());
});

Deno.test("GitHubAccess.filterReadable() stops when its signal aborts", async () => {
  await using mona = setUpOAuth();
  const stop = new AbortController();
  stop.abort();
  const error = await mona.access.filterReadable([REPOSITORY_A], "ghu_a", stop.signal)
    .then(() => undefined, (error) => error);
  assert(error instanceof DOMException);
  assertMatch(error.name, /^AbortError$/);
});
