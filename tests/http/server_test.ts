import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { checkHealth } from "../../src/http/routes/health.ts";
import type { PollerStatus } from "../../src/run/polling/poller.ts";
import { CapturedLog } from "../fakes/log.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

Deno.test("GET /livez reports that the process is alive", async () => {
  await using server = await new ServerUnderTest().start();
  const response = await fetch(`${server.url}/livez`);
  assertEquals(response.status, 200);
  assertEquals(await response.json(), { status: "alive" });
  assertMatch(response.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
});

Deno.test("GET /health reports the status", async () => {
  await using server = await new ServerUnderTest().start();
  const response = await fetch(`${server.url}/health`);
  assertEquals(response.status, 200);
  assertEquals(await response.json(), {
    status: "healthy",
    services: {},
    github: {
      state: "idle",
      waiting_until: null,
      remaining: null,
      limit: null,
      reset_at: null,
      last_success_at: null,
    },
  });
});

Deno.test("Server responds to a wrong path or method with a problem", async () => {
  await using server = await new ServerUnderTest().start();
  const missing = await fetch(`${server.url}/nowhere`);
  assertEquals(missing.status, 404);
  assertEquals((await missing.json()).code, "not_found");
  const wrong = await fetch(`${server.url}/health`, { method: "DELETE" });
  assertEquals(wrong.status, 405);
  assertEquals(wrong.headers.get("allow"), "GET, HEAD");
  assertEquals((await wrong.json()).code, "method_not_allowed");
});

Deno.test("checkHealth() reports the rate limit and the end of a backoff", async () => {
  const status: PollerStatus = { state: "waiting", waitingUntil: 60_000, lastSuccessAt: 1_000 };
  const rateLimit = { limit: 5_000, remaining: 0, resetAt: 60_000 };
  const none = { services: {}, clock: systemClock };
  assertEquals(await checkHealth({ poller: { status }, rateLimit: () => rateLimit, ...none }), {
    status: "healthy",
    services: {},
    github: {
      state: "waiting",
      waiting_until: "1970-01-01T00:01:00.000Z",
      remaining: 0,
      limit: 5_000,
      reset_at: "1970-01-01T00:01:00.000Z",
      last_success_at: "1970-01-01T00:00:01.000Z",
    },
  });
});

Deno.test("checkHealth() is degraded while GitHub does not respond", async () => {
  const statusFor = async (state: PollerStatus["state"]) =>
    (await checkHealth({
      poller: { status: { state, waitingUntil: null, lastSuccessAt: null } },
      rateLimit: () => undefined,
      services: {},
      clock: systemClock,
    })).status;
  assertEquals(await statusFor("unauthorized"), "degraded");
  assertEquals(await statusFor("unreachable"), "degraded");
  assertEquals(await statusFor("polling"), "healthy");
  assertEquals(await statusFor("idle"), "healthy");
});

Deno.test("checkHealth() is unhealthy if a service is down or does not respond within a second", async () => {
  using time = new FakeTime(0);
  const status: PollerStatus = { state: "polling", waitingUntil: null, lastSuccessAt: null };
  const result = checkHealth({
    poller: { status },
    rateLimit: () => undefined,
    services: {
      quick: () => Promise.resolve(),
      broken: () => Promise.reject(new Error("No")),
      silent: () => new Promise(() => {}),
    },
    clock: systemClock,
  });
  await time.tickAsync(1_000);
  const { status: overall, services } = await result;
  assertEquals(overall, "unhealthy");
  assertEquals(services, { quick: "up", broken: "down", silent: "down" });
});

Deno.test("Server responds to an internal error with 500 and logs its stack, not its message", async () => {
  await using log = await new CapturedLog().start();
  const fail = () => Promise.reject(new RangeError("ghp_secret"));
  await using server = await new ServerUnderTest({ health: fail }).start();
  const response = await fetch(`${server.url}/health`);
  assertEquals(response.status, 500);
  const { code, detail } = await response.json();
  assertEquals(code, "internal");
  assertStringIncludes(detail, response.headers.get("x-request-id") ?? "missing");
  const logged = JSON.stringify(log.records);
  assertStringIncludes(logged, "RangeError");
  assertStringIncludes(logged, "server_test.ts");
  assert(!logged.includes("ghp_secret"), logged);
});
