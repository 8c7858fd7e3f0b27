import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import { ResponseCache } from "../../src/github/response_cache.ts";
import { FakeServer, neverAborted, rejectedGitHubError } from "./fake_server.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const cache = new ResponseCache(z.unknown());

function rateLimitHeaders(headers: Record<string, string>): Record<string, string> {
  return {
    date: new Date(NOW).toUTCString(),
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": "4321",
    "x-ratelimit-reset": String(NOW / 1_000 + 600),
    "x-ratelimit-resource": "core",
    ...headers,
  };
}

Deno.test("GitHub.rateLimit is from the last response, also from a 304 or an error", async () => {
  using _time = new FakeTime(NOW);
  const statuses = [200, 304, 404];
  await using server = new FakeServer((_request, count) => {
    const status = statuses[count - 1] ?? 500;
    const headers = {
      ...rateLimitHeaders({ "x-ratelimit-remaining": String(count) }),
      etag: '"x"',
    };
    return new Response(status === 304 ? null : "{}", { status, headers });
  });
  const github = server.github();
  assertEquals(github.rateLimit, undefined);
  const get = () => github.get(cache, "/thing", { signal: neverAborted });
  for (const step of [get, get, () => rejectedGitHubError(get())]) await step();
  assertEquals(github.rateLimit, { limit: 5000, remaining: 3, resetAt: NOW + 600_000 });
});

Deno.test("GitHub.rateLimit converts the reset time from GitHub's clock", async () => {
  const fast = NOW + 7 * 60_000;
  using _time = new FakeTime(fast);
  await using server = new FakeServer(() => Response.json({}, { headers: rateLimitHeaders({}) }));
  const github = server.github();
  await github.get(cache, "/thing", { signal: neverAborted });
  assertEquals(github.rateLimit?.resetAt, fast + 600_000);
});

Deno.test("GitHub.rateLimit ignores responses for another resource or without a rate limit", async () => {
  using _time = new FakeTime(NOW);
  const headerSets = [
    rateLimitHeaders({}),
    rateLimitHeaders({ "x-ratelimit-resource": "search", "x-ratelimit-remaining": "1" }),
    {},
  ];
  await using server = new FakeServer((_request, count) =>
    Response.json({}, { headers: headerSets[count - 1] ?? {} })
  );
  const github = server.github();
  for (const _ of headerSets) await github.get(cache, "/thing", { signal: neverAborted });
  assertEquals(github.rateLimit?.remaining, 4321);
});

Deno.test("GitHub.rateLimit is undefined without a rate limit", async () => {
  await using server = new FakeServer(() => Response.json({}));
  const github = server.github();
  await github.get(cache, "/thing", { signal: neverAborted });
  assertEquals(github.rateLimit, undefined);
});
