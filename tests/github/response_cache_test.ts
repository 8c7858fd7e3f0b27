import { assertEquals } from "@std/assert";
import { z } from "zod";
import { ResponseCache } from "../../src/github/response_cache.ts";
import { FakeServer, neverAborted, nextPageHeader, respondWithEtag } from "./fake_server.ts";

const anything = z.unknown();

Deno.test("GitHub.get() returns the cached value on 304", async () => {
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

Deno.test("GitHub.get() parses a changed response and uses its new ETag", async () => {
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

Deno.test("GitHub.get() stores an ETag per URL, including the query", async () => {
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

Deno.test("GitHub.get() returns the cached next URL on 304", async () => {
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

Deno.test("GitHub.get() never reuses the response of another credential", async () => {
  await using server = new FakeServer((request) => respondWithEtag(request, "for all"));
  const answers = new ResponseCache(anything);
  for (const token of ["one", "two", "one"]) {
    await server.github({ token }).get(answers, "/thing", { signal: neverAborted });
  }
  assertEquals(server.sentHeaders("authorization"), ["token one", "token two", "token one"]);
  assertEquals(server.sentHeaders("if-none-match"), [null, null, null]);
});

Deno.test("GitHub.get() does not cache a response without an ETag", async () => {
  await using server = new FakeServer(() => Response.json({}));
  const github = server.github();
  const answers = new ResponseCache(anything);
  for (const _ of [1, 2]) await github.get(answers, "/thing", { signal: neverAborted });
  assertEquals(server.sentHeaders("if-none-match"), [null, null]);
});

Deno.test("ResponseCache evicts the least recently used response", async () => {
  await using server = new FakeServer((request) => respondWithEtag(request, request.url));
  const github = server.github();
  const answers = new ResponseCache(anything, 2);
  for (const path of ["/a", "/b", "/a", "/c", "/a", "/b"]) {
    await github.get(answers, path, { signal: neverAborted });
  }
  const hits = server.sentHeaders("if-none-match").map((etag) => etag !== null);
  assertEquals(hits, [false, false, true, false, true, false]);
});

Deno.test("ResponseCache.store() drops a response of the previous credential", () => {
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
