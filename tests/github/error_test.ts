import { assertEquals, assertNotMatch } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import type { GitHubFailure } from "../../src/errors.ts";
import { ResponseCache } from "../../src/github/response_cache.ts";
import { GitHub } from "../../src/github/client.ts";
import { FakeServer, neverAborted, rejectedGitHubError } from "./fake_server.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
/** The error of the local clock. */
const SKEW = 90_000;

interface Case {
  readonly when: string;
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly message?: string;
  readonly failure: GitHubFailure;
}

const reset = String(NOW / 1_000 + 600);

const cases: readonly Case[] = [
  { when: "401", status: 401, message: "Bad credentials", failure: { kind: "unauthorized" } },
  {
    when: "403 with Retry-After in seconds, whatever remains",
    status: 403,
    headers: { "retry-after": "30", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset },
    failure: { kind: "rate_limited", retryAt: NOW + SKEW + 30_000 },
  },
  {
    when: "429 with Retry-After as a date",
    status: 429,
    headers: { "retry-after": new Date(NOW + 45_000).toUTCString() },
    failure: { kind: "rate_limited", retryAt: NOW + SKEW + 45_000 },
  },
  {
    when: "403 with nothing left",
    status: 403,
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset },
    failure: { kind: "rate_limited", retryAt: NOW + SKEW + 600_000 },
  },
  {
    when: "429 with nothing left",
    status: 429,
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset },
    failure: { kind: "rate_limited", retryAt: NOW + SKEW + 600_000 },
  },
  {
    when: "403 with a Retry-After that is none",
    status: 403,
    headers: { "retry-after": "soon", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset },
    failure: { kind: "rate_limited", retryAt: NOW + SKEW + 600_000 },
  },
  ...[
    "API rate limit exceeded for user ID 1.",
    "You have exceeded a secondary rate limit. Please wait a few minutes.",
    "You have triggered an abuse detection mechanism.",
  ].map((message): Case => ({
    when: `403 "${message}"`,
    status: 403,
    message,
    failure: { kind: "rate_limited" },
  })),
  { when: "429 without a word", status: 429, failure: { kind: "rate_limited" } },
  {
    when: "403 with budget left",
    status: 403,
    headers: { "x-ratelimit-remaining": "4999", "x-ratelimit-reset": reset },
    message: "Resource not accessible by integration",
    failure: { kind: "not_accessible", status: 403 },
  },
  {
    when: "404 with nothing left",
    status: 404,
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset },
    message: "Not Found",
    failure: { kind: "not_accessible", status: 404 },
  },
  { when: "451", status: 451, failure: { kind: "not_accessible", status: 451 } },
  { when: "422", status: 422, failure: { kind: "unavailable", status: 422 } },
  { when: "500", status: 500, failure: { kind: "unavailable" } },
  { when: "502", status: 502, message: "Server Error", failure: { kind: "unavailable" } },
  { when: "503", status: 503, headers: { "retry-after": "5" }, failure: { kind: "unavailable" } },
  { when: "an unexpected 304", status: 304, failure: { kind: "unavailable" } },
  { when: "a redirect to nowhere", status: 302, failure: { kind: "unavailable" } },
];

for (const { when, status, headers, message, failure } of cases) {
  Deno.test(`GitHub.get() fails as ${failure.kind} on ${when}`, async () => {
    using _time = new FakeTime(NOW + SKEW);
    await using server = new FakeServer(() => {
      const body = status === 304 ? null : JSON.stringify(message ? { message } : {});
      return new Response(body, {
        status,
        headers: {
          date: new Date(NOW).toUTCString(),
          "content-type": "application/json",
          ...headers,
        },
      });
    });
    const error = await rejectedGitHubError(get(server.github()));
    assertEquals(error.failure, failure);
    const detail = message ? `: ${message}` : "";
    assertEquals(error.message, `GitHub answered GET /thing with ${status}${detail}`);
  });
}

Deno.test("GitHub.get() uses the reset time unchanged without a valid date", async () => {
  await using server = new FakeServer(() =>
    new Response("{}", {
      status: 403,
      headers: { date: "today", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset },
    })
  );
  assertEquals((await rejectedGitHubError(get(server.github()))).failure, {
    kind: "rate_limited",
    retryAt: NOW + 600_000,
  });
});

const strange = {
  "a page of HTML": new Response("<html>sorry</html>", {
    headers: { "content-type": "text/html" },
  }),
  "broken JSON": new Response('{"a": tr', { headers: { "content-type": "application/json" } }),
  "no content": new Response(null, { status: 204 }),
  "a content type that is none": new Response("{}", { headers: { "content-type": "?" } }),
  "another shape": Response.json({ b: 1 }),
};

for (const [what, response] of Object.entries(strange)) {
  Deno.test(`GitHub.get() fails as unavailable on ${what}`, async () => {
    await using server = new FakeServer(() => response.clone());
    assertEquals((await rejectedGitHubError(get(server.github()))).failure, {
      kind: "unavailable",
    });
    await response.body?.cancel();
  });
}

Deno.test("GitHub.get() fails as unavailable when the connection breaks in the body", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n";
  const served = listener.accept().then(async (connection) => {
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode(`${head}{"a":1`));
    connection.close();
  });
  const github = new GitHub({
    credential: { token: "secret" },
    baseUrl: `http://127.0.0.1:${listener.addr.port}`,
    version: "0",
    clock: systemClock,
  });
  assertEquals((await rejectedGitHubError(get(github))).failure, { kind: "unavailable" });
  await served;
});

Deno.test("GitHubError has GitHub's message on one line of limited length", async () => {
  await using server = new FakeServer(() =>
    Response.json({ message: ` Not\r\n  now${"!".repeat(1_000)}` }, { status: 404 })
  );
  const { message } = await rejectedGitHubError(get(server.github()));
  assertEquals(message, `GitHub answered GET /thing with 404: Not now${"!".repeat(293)}`);
});

Deno.test("GitHubError holds no credential in any property", async () => {
  await using server = new FakeServer(() =>
    Response.json({ message: "Bad credentials" }, { status: 401 })
  );
  assertNotMatch(
    Deno.inspect(await rejectedGitHubError(get(server.github())), { depth: 10 }),
    /secret/,
  );
});

function get(github: GitHub): Promise<unknown> {
  const answers = new ResponseCache(z.object({ a: z.number() }));
  return github.get(answers, "/thing", { signal: neverAborted });
}
