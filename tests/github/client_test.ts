import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import { ResponseCache } from "../../src/github/response_cache.ts";
import { GitHub } from "../../src/github/client.ts";
import { REQUEST_TIMEOUT_MS } from "../../src/github/request_timeout.ts";
import {
  FakeServer,
  neverAborted,
  nextPageHeader,
  rejectedGitHubError,
  respondWithEtag,
  withTimeout,
} from "./fake_server.ts";

const anything = z.unknown();

Deno.test("GitHub sends its user agent and no API version", async () => {
  await using server = new FakeServer(() => Response.json({}));
  await server.github().get(new ResponseCache(anything), "/thing", { signal: neverAborted });
  assert(server.sentHeaders("user-agent")[0]?.startsWith("runwire/1.2.3 "));
  assertEquals(server.sentHeaders("x-github-api-version"), [null]);
});

Deno.test("GitHub sends to the base path of an Enterprise Server", async () => {
  await using server = new FakeServer((request, count) =>
    Response.json([count], {
      headers: count === 1 ? nextPageHeader(request, "/api/v3/things?page=2") : {},
    })
  );
  for (const end of ["", "/"]) {
    const github = new GitHub({
      credential: { token: "t" },
      baseUrl: `${server.url}/api/v3${end}`,
      version: "0",
      clock: systemClock,
    });
    await github.list(new ResponseCache(z.array(anything)), "/things", {
      count: 101,
      signal: neverAborted,
    });
  }
  assertEquals(server.requestedPaths, [
    "/api/v3/things?per_page=100",
    "/api/v3/things?page=2",
    "/api/v3/things?per_page=100",
  ]);
});

Deno.test("GitHub times out without a response", async () => {
  using time = new FakeTime();
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  await using server = new FakeServer(() => {
    arrive();
    return new Promise(() => {});
  });
  const answer = rejectedGitHubError(
    server.github().get(new ResponseCache(anything), "/slow", { signal: neverAborted }),
  );
  await withTimeout(arrived);
  let over = false;
  void answer.then(() => over = true);
  await time.tickAsync(REQUEST_TIMEOUT_MS - 1);
  assertEquals(over, false);
  await time.tickAsync(1);
  const error = await withTimeout(answer);
  assertEquals(error.failure, { kind: "unavailable" });
  assertEquals(error.message, "GitHub did not answer GET /slow within 10 s");
});

Deno.test("GitHub times out during an endless body", async () => {
  using time = new FakeTime();
  const { promise: reading, resolve: isRead } = Promise.withResolvers<void>();
  // More than the socket buffers hold, so that the client must be reading.
  let blocks = 300;
  const blank = new TextEncoder().encode(" ".repeat(65_536));
  await using server = new FakeServer(() => {
    const body = new ReadableStream({
      pull(controller) {
        if (blocks-- > 0) return controller.enqueue(blank);
        isRead();
        return new Promise(() => {});
      },
    });
    return new Response(body, { headers: { "content-type": "application/json" } });
  });
  const answer = rejectedGitHubError(
    server.github().get(new ResponseCache(anything), "/slow", { signal: neverAborted }),
  );
  await withTimeout(reading);
  await time.tickAsync(REQUEST_TIMEOUT_MS);
  const { message } = await withTimeout(answer);
  assertEquals(message, "GitHub did not answer GET /slow within 10 s");
});

Deno.test("GitHub rejects with the abort reason of the caller immediately", async () => {
  // The time stands still, so that no timeout can end the request.
  using _time = new FakeTime();
  const stop = new AbortController();
  await using server = new FakeServer(() => {
    stop.abort(new TypeError("Enough"));
    return new Promise(() => {});
  });
  const github = server.github();
  const get = () =>
    withTimeout(github.get(new ResponseCache(anything), "/thing", { signal: stop.signal }));
  await assertRejects(get, TypeError, "Enough");
  await assertRejects(get, TypeError, "Enough");
  assertEquals(server.requests.length, 1, "nothing is sent after the abort");
});

Deno.test("GitHub follows the redirect of a renamed repository with its credential", async () => {
  for (const status of [301, 302, 307]) {
    await using server = new FakeServer((request) =>
      new URL(request.url).pathname === "/repos/old/name"
        ? new Response(null, { status, headers: { location: "/repositories/1" } })
        : respondWithEtag(request, "here")
    );
    const github = server.github();
    const answers = new ResponseCache(anything);
    for (const _ of [1, 2]) {
      const page = await github.get(answers, "/repos/old/name", { signal: neverAborted });
      assertEquals(page.value, "here");
    }
    assertEquals(github.notModified, 1);
  }
});

Deno.test("GitHub sends no credential to another host after a redirect", async () => {
  await using other = new FakeServer(() => Response.json("there"));
  await using server = new FakeServer(() =>
    new Response(null, { status: 302, headers: { location: `${other.url}/x` } })
  );
  const page = await server.github().get(new ResponseCache(anything), "/thing", {
    signal: neverAborted,
  });
  assertEquals(page.value, "there");
  assertEquals(server.sentHeaders("authorization"), ["token secret"]);
  assertEquals(other.sentHeaders("authorization"), [null]);
});

Deno.test("GitHub sends no credential to another host for the next page", async () => {
  await using other = new FakeServer(() => Response.json([]));
  await using server = new FakeServer(() =>
    Response.json([], { headers: { link: `<${other.url}/things>; rel="next"` } })
  );
  const list = server.github().list(new ResponseCache(z.array(anything)), "/things", {
    count: 500,
    signal: neverAborted,
  });
  assertEquals((await rejectedGitHubError(list)).failure, { kind: "unavailable" });
  assertEquals(other.requests.length, 0);
});

Deno.test("GitHub.list() requests pages until it has enough items", async () => {
  await using server = new FakeServer((request, count) =>
    Response.json(Array(100).fill(count), {
      headers: nextPageHeader(request, `/things?page=${count + 1}`),
    })
  );
  const answers = new ResponseCache(z.array(z.number()));
  const list = await server.github().list(answers, "/things", { count: 150, signal: neverAborted });
  assertEquals(server.requestedPaths, ["/things?per_page=100", "/things?page=2"]);
  assertEquals([list.length, list.at(-1)], [150, 2]);
});

Deno.test("GitHub.list() limits an endless list", async () => {
  await using server = new FakeServer((request) =>
    Response.json([1], { headers: nextPageHeader(request, "/things") })
  );
  const answers = new ResponseCache(z.array(z.number()));
  const list = await server.github().list(answers, "/things", {
    count: Infinity,
    signal: neverAborted,
  });
  assertEquals(list.length, 100);
});

Deno.test("GitHub reports a network error without the URL", async () => {
  const server = new FakeServer(() => Response.json({}));
  const github = server.github();
  await server[Symbol.asyncDispose]();
  const parameters = { since: "then" };
  const error = await rejectedGitHubError(
    github.get(new ResponseCache(anything), "/thing", { parameters, signal: neverAborted }),
  );
  assertEquals(error.failure, { kind: "unavailable" });
  assertStringIncludes(error.message, "Cannot reach GitHub for GET /thing: ");
  assertNotMatch(error.message, /127|since|secret/);
});

for (const status of [200, 201, 202, 204]) {
  Deno.test(`GitHub.post() accepts ${status}, and sends other parameters as JSON`, async () => {
    const sent: string[] = [];
    await using server = new FakeServer(async (request) => {
      sent.push(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);
      return new Response(status === 204 ? null : "{}", { status });
    });
    const parameters = { owner: "o", name: "n" };
    const options = { parameters, signal: neverAborted };
    const answer = await server.github().post("/repos/{owner}/thing", options);
    assertEquals(answer.status, status);
    assertEquals(sent, ['POST /repos/o/thing {"name":"n"}']);
  });
}

Deno.test("GitHub.post() fails like a GET, and does not retry", async () => {
  const answers = [429, 404, 500];
  await using server = new FakeServer((_request, count) =>
    Response.json({ message: "No" }, { status: answers[count - 1] ?? 200 })
  );
  const kinds: string[] = [];
  for (const _ of answers) {
    const error = await rejectedGitHubError(
      server.github().post("/thing", { signal: neverAborted }),
    );
    assertMatch(error.message, /^GitHub answered POST \/thing with \d+: No$/);
    kinds.push(error.failure.kind);
  }
  assertEquals(kinds, ["rate_limited", "not_accessible", "unavailable"]);
  assertEquals(server.requests.length, 3);
});
