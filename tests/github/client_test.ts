import {
  assert,
  assertEquals,
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

Deno.test("GitHub.get() returns what it has kept when the answer is 304", async () => {
  await using server = new FakeServer((request) => respondWithEtag(request, { a: 1 }));
  const github = server.github();
  let read = 0;
  const answers = new ResponseCache(
    z.object({ a: z.number() }).transform(({ a }) => ({ a, read: ++read })),
  );
  const first = await github.get(answers, "/thing", { signal: neverAborted });
  const second = await github.get(answers, "/thing", { signal: neverAborted });
  assertEquals(server.sentHeaders("if-none-match"), [null, 'W/"7-token secret"']);
  assertEquals(first.value, { a: 1, read: 1 });
  assertEquals(second.value, { a: 1, read: 1 });
  assertEquals({ requests: github.requests, notModified: github.notModified }, {
    requests: 2,
    notModified: 1,
  });
});

Deno.test("GitHub.get() reads again what has changed, and then goes by the new ETag", async () => {
  const bodies = [{ a: 1 }, { a: 22 }, { a: 22 }];
  await using server = new FakeServer((request, count) =>
    respondWithEtag(request, bodies[count - 1])
  );
  const github = server.github();
  const answers = new ResponseCache(anything);
  const values = [];
  for (const _ of bodies) {
    values.push((await github.get(answers, "/thing", { signal: neverAborted })).value);
  }
  assertEquals(values, bodies);
  assertEquals(github.notModified, 1);
});

Deno.test("GitHub.get() keeps an ETag per address, query included", async () => {
  await using server = new FakeServer((request) => respondWithEtag(request, request.url));
  const github = server.github();
  const answers = new ResponseCache(anything);
  const get = (page: number) =>
    github.get(answers, "/thing", { parameters: { page }, signal: neverAborted });
  await get(1);
  assertEquals((await get(2)).value, `${server.url}/thing?page=2`);
  assertEquals((await get(1)).value, `${server.url}/thing?page=1`);
  assertEquals(server.sentHeaders("if-none-match").map((etag) => etag !== null), [
    false,
    false,
    true,
  ]);
});

Deno.test("GitHub.get() keeps the address of the next page for a 304", async () => {
  await using server = new FakeServer((request) =>
    respondWithEtag(request, [], nextPageHeader(request, "/thing?page=2"))
  );
  const github = server.github();
  const answers = new ResponseCache(anything);
  for (const _ of [1, 2]) {
    const page = await github.get(answers, "/thing", { signal: neverAborted });
    assertEquals(page.next, `${server.url}/thing?page=2`);
  }
  assertEquals(github.notModified, 1);
});

Deno.test("GitHub.get() never reuses what another credential got", async () => {
  await using server = new FakeServer((request) => respondWithEtag(request, "for all"));
  const answers = new ResponseCache(anything);
  for (const token of ["one", "two", "one"]) {
    await server.github({ token }).get(answers, "/thing", { signal: neverAborted });
  }
  assertEquals(server.sentHeaders("authorization"), ["token one", "token two", "token one"]);
  assertEquals(server.sentHeaders("if-none-match"), [null, null, null]);
});

Deno.test("GitHub.get() keeps nothing of an answer without an ETag", async () => {
  await using server = new FakeServer(() => Response.json({}));
  const github = server.github();
  const answers = new ResponseCache(anything);
  for (const _ of [1, 2]) await github.get(answers, "/thing", { signal: neverAborted });
  assertEquals(server.sentHeaders("if-none-match"), [null, null]);
});

Deno.test("Answers forgets the least recently used beyond its limit", async () => {
  await using server = new FakeServer((request) => respondWithEtag(request, request.url));
  const github = server.github();
  const answers = new ResponseCache(anything, 2);
  for (const path of ["/a", "/b", "/a", "/c", "/a", "/b"]) {
    await github.get(answers, path, { signal: neverAborted });
  }
  const hits = server.sentHeaders("if-none-match").map((etag) => etag !== null);
  assertEquals(hits, [false, false, true, false, true, false]);
});

Deno.test("Answers.keep() drops what the former credential got meanwhile", () => {
  const answers = new ResponseCache(anything);
  const cached = { etag: "x", page: { value: 1, next: undefined } };
  const old = { credential: "old", url: "/a" };
  answers.find(old);
  answers.find({ credential: "new", url: "/a" });
  answers.store(old, cached);
  assertEquals(answers.find({ credential: "new", url: "/a" }), undefined);
  answers.store({ credential: "new", url: "/a" }, cached);
  assertEquals(answers.find({ credential: "new", url: "/a" }), cached);
});

Deno.test("GitHub sends its name, and no API version that an Enterprise Server may refuse", async () => {
  await using server = new FakeServer(() => Response.json({}));
  await server.github().get(new ResponseCache(anything), "/thing", { signal: neverAborted });
  assert(server.sentHeaders("user-agent")[0]?.startsWith("runwire/1.2.3 "));
  assertEquals(server.sentHeaders("x-github-api-version"), [null]);
});

Deno.test("GitHub asks below the path of an Enterprise Server", async () => {
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

Deno.test("GitHub gives up after its time limit when nothing comes", async () => {
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

Deno.test("GitHub gives up after its time limit when the body does not end", async () => {
  using time = new FakeTime();
  const { promise: reading, resolve: isRead } = Promise.withResolvers<void>();
  // More than the sockets hold, so that the client must be reading when it is sent.
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

Deno.test("GitHub rejects with the caller's reason at once when the caller aborts", async () => {
  // Its time stands still, so that no time limit can end the request.
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

Deno.test("GitHub follows a renamed repository with its credential", async () => {
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

Deno.test("GitHub sends no credential where a redirect leads to another host", async () => {
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

Deno.test("GitHub sends no credential where the next page is on another host", async () => {
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

Deno.test("GitHub.list() follows pages until it has as many as were asked for", async () => {
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

Deno.test("GitHub.list() ends where a list does not", async () => {
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

Deno.test("GitHub tells a network fault without the address", async () => {
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
