import { assertEquals, assertNotEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { generateKeyPairSync } from "node:crypto";
import { systemClock } from "../../src/clock.ts";
import { GitHub } from "../../src/github/client.ts";
import type { Credential } from "../../src/github/credential.ts";
import { GitHubRepositories } from "../../src/github/repository.ts";
import { GitHubRuns } from "../../src/github/run.ts";
import { Simulator } from "../../src/simulator/server.ts";
import { World } from "../../src/simulator/world/world.ts";
import { neverAborted, rejectedGitHubError } from "./fake_server.ts";

const NOON = Date.parse("2026-01-01T12:00:00Z");
const MINUTE_MS = 60_000;
const token = { token: "ghp_test" };
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const app = {
  appId: "12",
  privateKey: privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
  installationId: 34,
};

/** A simulated GitHub with one repository and one run, and with the same clock. */
function setUp() {
  const world = new World({ clock: systemClock });
  world.addRepository({ full_name: "octo-org/api" });
  const run = world.addRun("octo-org/api");
  const simulator = new Simulator({
    world,
    clock: systemClock,
    tokens: [token.token],
    app: {
      id: 12,
      publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
      installations: [34],
    },
  });
  const stop = new AbortController();
  const { signal } = stop;
  const { url, finished } = simulator.listen({ hostname: "127.0.0.1", port: 0, signal });
  return {
    world,
    run,
    simulator,
    github: (credential: Credential) =>
      new GitHub({ credential, baseUrl: `${url}/api/v3`, version: "0", clock: systemClock }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await finished;
    },
  };
}

Deno.test("GitHub as an installation continues after its token expires", async () => {
  using time = new FakeTime(NOON);
  await using simulated = setUp();
  const github = simulated.github(app);
  const [repositories, runs] = [new GitHubRepositories(github), new GitHubRuns(github)];
  const names = (await repositories.listRecentlyPushed(3, neverAborted)).map(({ fullName }) =>
    fullName
  );
  assertEquals(names, ["octo-org/api"]);
  for (const minute of [0, 30, 90]) {
    time.tick(NOON + minute * MINUTE_MS - time.now);
    for (const _ of [1, 2]) {
      const latest = await runs.latest("octo-org/api", 2, neverAborted);
      assertEquals(latest.map(({ id }) => id), [simulated.run.id]);
    }
  }
  const requests = simulated.simulator.requests.entries.map(({ method, status }) =>
    `${method} ${status}`
  );
  const first = ["POST 201", "GET 200", "GET 200", "GET 304"];
  assertEquals(requests, [...first, "GET 304", "GET 304", "POST 201", "GET 200", "GET 304"]);
});

Deno.test("GitHub fails as unauthorized with an unknown installation, key or token", async () => {
  await using simulated = setUp();
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const unknown = [
    { ...app, installationId: 35 },
    { ...app, appId: "13" },
    { ...app, privateKey: other.export({ type: "pkcs8", format: "pem" }).toString() },
    { token: "ghp_unknown" },
  ];
  for (const credential of unknown) {
    const runs = new GitHubRuns(simulated.github(credential));
    const error = await rejectedGitHubError(runs.latest("octo-org/api", 2, neverAborted));
    assertEquals(error.failure, { kind: "unauthorized" });
  }
});

Deno.test("GitHubRuns.latest() returns a changed run, and uses no rate limit while nothing changes", async () => {
  using time = new FakeTime(NOON);
  await using simulated = setUp();
  const github = simulated.github(token);
  const runs = new GitHubRuns(github);
  const [before] = await runs.latest("octo-org/api", 2, neverAborted);
  const { remaining } = github.rateLimit ?? {};
  for (let n = 0; n < 5; n++) await runs.latest("octo-org/api", 2, neverAborted);
  assertEquals([github.notModified, github.rateLimit?.remaining], [5, remaining]);
  time.tick(MINUTE_MS);
  simulated.world.updateRun(simulated.run.id, { status: "completed", conclusion: "failure" });
  const [after] = await runs.latest("octo-org/api", 2, neverAborted);
  assertNotEquals(before?.status, "completed");
  assertEquals([after?.status, after?.conclusion], ["completed", "failure"]);
  assertEquals(await runs.byId("octo-org/api", simulated.run.id, neverAborted), after);
});

Deno.test("GitHubRuns.latest() reports errors of the simulated GitHub, and continues afterwards", async () => {
  using _time = new FakeTime(NOON);
  await using simulated = setUp();
  const { faults, rateLimits } = simulated.simulator;
  const runs = new GitHubRuns(simulated.github(token));
  const latest = () => runs.latest("octo-org/api", 2, neverAborted);
  const before = await latest();

  const unavailable = { kind: "unavailable" } as const;
  for (
    const [fault, failure] of [
      [{ kind: "secondary_limit", retryAfter: 90 }, {
        kind: "rate_limited",
        retryAt: NOON + 90_000,
      }],
      [{ kind: "secondary_limit", status: 429 }, { kind: "rate_limited" }],
      [{ kind: "status", status: 502 }, unavailable],
      [{ kind: "status", status: 503, body: "json" }, unavailable],
      [{ kind: "garbage" }, unavailable],
    ] as const
  ) {
    faults.add(fault);
    assertEquals((await rejectedGitHubError(latest())).failure, failure);
    assertEquals(await latest(), before);
  }
  rateLimits.set(token.token, { remaining: 0, reset: NOON / 1_000 + 600 });
  simulated.world.addRun("octo-org/api");
  assertEquals((await rejectedGitHubError(latest())).failure, {
    kind: "rate_limited",
    retryAt: NOON + 600_000,
  });
  rateLimits.set(token.token, { remaining: 5_000 });
  assertEquals((await latest()).length, 2);
  simulated.world.blockRepository("octo-org/api", 451);
  assertEquals((await rejectedGitHubError(latest())).failure, {
    kind: "not_accessible",
    status: 451,
  });
});
