import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { serve, TOKEN } from "./serve.ts";

const LIMITS = ["limit", "remaining", "used", "reset", "resource"];

function rateLimitHeaders(headers: Headers): readonly (string | null)[] {
  return LIMITS.map((name) => headers.get(`x-ratelimit-${name}`));
}

Deno.test("Every answer tells the rate limit of its token", async () => {
  await using github = serve({ tokens: [TOKEN, "ghp_other"], rateLimit: 10 });
  const reset = String(Date.parse("2026-01-01T01:00:00Z") / 1000);
  assertEquals(rateLimitHeaders((await github.ask("/user")).headers), [
    "10",
    "9",
    "1",
    reset,
    "core",
  ]);
  assertEquals(rateLimitHeaders((await github.ask("/nothing")).headers), [
    "10",
    "8",
    "2",
    reset,
    "core",
  ]);
  const other = await github.ask("/user", { headers: { authorization: "token ghp_other" } });
  assertEquals(rateLimitHeaders(other.headers), ["10", "9", "1", reset, "core"]);
});

Deno.test("An exhausted primary limit is answered 403 until its hour is over", async () => {
  await using github = serve({ rateLimit: 1 });
  assertEquals((await github.ask("/user")).status, 200);
  const refused = await github.ask("/user");
  assertEquals(refused.status, 403);
  assertEquals(refused.headers.get("x-ratelimit-remaining"), "0");
  assertEquals(refused.headers.get("retry-after"), null);
  assertMatch(String(refused.json.message), /^API rate limit exceeded for user ID \d+\./);
  github.clock.advance(3_599);
  assertEquals((await github.ask("/user")).status, 403);
  github.clock.advance(1);
  const fresh = await github.ask("/user");
  assertEquals([fresh.status, fresh.headers.get("x-ratelimit-used")], [200, "1"]);
});

Deno.test("RateLimits.set() leaves a token as much as a test wants", async () => {
  await using github = serve();
  const reset = Date.parse("2026-01-01T00:10:00Z") / 1000;
  github.simulator.rateLimits.set(TOKEN, { remaining: 0, reset });
  const refused = await github.ask("/user");
  assertEquals(rateLimitHeaders(refused.headers), ["5000", "0", "5000", String(reset), "core"]);
  assertEquals(refused.status, 403);
  github.clock.advance(600);
  assertEquals((await github.ask("/user")).status, 200);
});

Deno.test("GET /rate_limit tells the limit for nothing, even when it is exhausted", async () => {
  await using github = serve({ rateLimit: 1 });
  await github.ask("/user");
  await github.ask("/rate_limit");
  const { status, json, headers } = await github.ask("/rate_limit");
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

Deno.test("Without a credential 60 requests an hour are free", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const { status, headers } = await github.ask("/repos/octo-org/api", {
    headers: { authorization: "none" },
  });
  assertEquals([status, headers.get("x-ratelimit-limit")], [200, "60"]);
});
