import { assertEquals, assertRejects } from "@std/assert";
import { z } from "zod";
import { GitHubPausedError } from "../../src/errors.ts";
import { ResponseCache } from "../../src/github/response_cache.ts";
import { GitHubRepositories } from "../../src/github/repository.ts";
import { FakeServer, neverAborted, rejectedGitHubError } from "./fake_server.ts";

const signal = neverAborted;
const cache = new ResponseCache(z.unknown());
const lists = new ResponseCache(z.array(z.unknown()));

function rateLimitHeaders(remaining: number): Record<string, string> {
  return {
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(Math.ceil(Date.now() / 1_000) + 3_600),
  };
}

for (const status of [401, 429]) {
  Deno.test(`GitHub.background() sends nothing after a ${status} to any client`, async () => {
    await using server = new FakeServer(() => Response.json({}, { status }));
    const github = server.github();
    const background = github.background(0.1);
    await rejectedGitHubError(github.get(cache, "/first", { signal }));
    const reason = status === 401 ? "unauthorized" : "rate_limited";
    assertEquals(github.backoff?.reason, reason);
    const requests = [
      () => background.get(cache, "/second", { signal }),
      () => background.list(lists, "/third", { count: 1, signal }),
      () => background.post("/fourth", { signal }),
      () => background.delete("/fifth", { signal }),
    ];
    for (const request of requests) await assertRejects(request, GitHubPausedError);
    assertEquals(server.requestedPaths, ["/first"]);
    await rejectedGitHubError(github.get(cache, "/urgent", { signal }));
    assertEquals(server.requestedPaths, ["/first", "/urgent"]);
  });
}

Deno.test("GitHub.background() closes for its own failures, and not for those of one resource", async () => {
  const statuses = [404, 500, 403];
  await using server = new FakeServer((_request, count) =>
    Response.json({}, { status: statuses[count - 1] ?? 401 })
  );
  const github = server.github();
  const background = github.background(0.1);
  for (const _ of statuses) await rejectedGitHubError(background.get(cache, "/a", { signal }));
  assertEquals(github.backoff, undefined);
  await rejectedGitHubError(background.get(cache, "/a", { signal }));
  assertEquals(github.backoff?.reason, "unauthorized");
});

Deno.test("GitHub.background() leaves its share of the rate limit, page by page", async () => {
  await using server = new FakeServer((request, count) => {
    const { origin } = new URL(request.url);
    const headers = { ...rateLimitHeaders(1_251 - count), link: `<${origin}/n>; rel="next"` };
    return Response.json([count], { headers });
  });
  const github = server.github();
  const background = github.background(0.25);
  const items: unknown[] = [];
  await assertRejects(async () => {
    for await (const page of background.pages(lists, "/list", { signal })) items.push(...page);
  }, GitHubPausedError);
  assertEquals(items, [1, 2]);
  assertEquals(github.backoff, undefined);
  await github.background(0.1).get(cache, "/other", { signal });
});

for (const status of [403, 404]) {
  Deno.test(`GitHub rejects a credential that may not list its repositories (${status})`, async () => {
    await using server = new FakeServer(() => Response.json({}, { status }));
    const github = server.github();
    const list = new GitHubRepositories(github).listRecentlyPushed(3, signal);
    assertEquals((await rejectedGitHubError(list)).failure, { kind: "unauthorized" });
    assertEquals(github.backoff?.reason, "unauthorized");
  });
}
