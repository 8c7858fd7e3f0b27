import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { serve, TOKEN } from "./serve.ts";

const LIMITS = ["limit", "remaining", "used", "reset", "resource"];

function rateLimitHeaders(headers: Headers): readonly (string | null)[] {
  return LIMITS.map((name) => headers.get(`x-ratelimit-${name}`));
}

Deno.test("Every response has the rate limit of its token", async () => {
  await using github = serve({ tokens: [TOKEN, "ghp_other"], rateLimit: 10 });
  const reset = String(Date.parse("2026-01-01T01:00:00Z") / 1000);
  assertEquals(rateLimitHeaders((await github.request("/user")).headers), [
    "10",
    "9",
    "1",
    reset,
    "core",
  ]);
  assertEquals(rateLimitHeaders((await github.request("/nothing")).headers), [
    "10",
    "8",
    "2",
    reset,
    "core",
  ]);
  const other = await github.request("/user", { headers: { authorization: "token ghp_other" } });
  assertEquals(rateLimitHeaders(other.headers), ["10", "9", "1", reset, "core"]);
});

Deno.test("An exhausted primary limit gets 403 until its reset", async () => {
  await using github = serve({ rateLimit: 1 });
  assertEquals((await github.request("/user")).status, 200);
  const rejected = await github.request("/user");
  assertEquals(rejected.status, 403);
  assertEquals(rejected.headers.get("x-ratelimit-remaining"), "0");
  assertEquals(rejected.headers.get("retry-after"), null);
  assertMatch(String(rejected.json.message), /^API rate limit exceeded for user ID \d+\./);
  github.clock.advance(3_599);
  assertEquals((await github.request("/user")).status, 403);
  github.clock.advance(1);
  const fresh = await github.request("/user");
  assertEquals([fresh.status, fresh.headers.get("x-ratelimit-used")], [200, "1"]);
});

Deno.test("RateLimits.set() sets the remaining requests of a token", async () => {
  await using github = serve();
  const reset = Date.parse("2026-01-01T00:10:00Z") / 1000;
  github.simulator.rateLimits.set(TOKEN, { remaining: 0, reset });
  const rejected = await github.request("/user");
  assertEquals(rateLimitHeaders(rejected.headers), ["5000", "0", "5000", String(reset), "core"]);
  assertEquals(rejected.status, 403);
  github.clock.advance(600);
  assertEquals((await github.request("/user")).status, 200);
});

Deno.test("GET /rate_limit is free, even when the limit is exhausted", async () => {
  await using github = serve({ rateLimit: 1 });
  await github.request("/user");
  await github.request("/rate_limit");
  const { status, json, headers } = await github.request("/rate_limit");
  assertEquals(status, 200);
  const core = {
    limit: 1,
    remaining: 0,
    used: 1,
    reset: Date.parse("2026-01-01T01:00:00Z") / 1000,
  };
  assertObjectMatch(json, { resources: { core }, rate: core });
  assertEquals(headers.get("x-ratelimit-used"), "1");
});

Deno.test("Without a credential the limit is 60 requests per hour", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const { status, headers } = await github.request("/repos/octo-org/api", {
    headers: { authorization: "none" },
  });
  assertEquals([status, headers.get("x-ratelimit-limit")], [200, "60"]);
});
