import { assertEquals, assertMatch } from "@std/assert";
import {
  FakeAuthenticator,
  keyPrincipal,
  sessionPrincipal,
} from "../../fakes/stores/authenticator.ts";
import { joinMessages } from "../../fakes/stores/messages.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";

const PATH = "/api/v1/messages";
const MAY_WRITE = { permissions: new Set(["read", "write"] as const) };

// deno-lint-ignore no-explicit-any
type Json = any;

interface JsonResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Json;
}

async function read(url: string): Promise<JsonResponse> {
  const response = await fetch(url);
  return { status: response.status, headers: response.headers, json: await response.json() };
}

async function postMessage(
  server: ServerUnderTest,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<JsonResponse> {
  const response = await fetch(server.url + PATH, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, json: await response.json() };
}

Deno.test("POST /api/v1/messages keeps a message, tells it, and answers with it", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await joinMessages(server);
  const { status, json } = await postMessage(server, { content: "Hello 😀", user_id: "ada" });
  assertEquals(status, 201);
  assertEquals(Object.keys(json), ["id", "content", "user_id", "created_at"]);
  assertEquals([json.content, json.user_id], ["Hello 😀", "ada"]);
  assertEquals(JSON.parse(await client.next()), json);
  assertEquals((await read(server.url + PATH)).json, { items: [json] });
});

Deno.test("POST /api/v1/messages says what is wrong with a body", async () => {
  await using server = await new ServerUnderTest().start();
  for (
    const [body, status, code, words] of [
      ["{", 400, "invalid_body", "Cannot read the body"],
      [
        [],
        400,
        "invalid_body",
        "Cannot use the body: allowed is a JSON object with content, user_id",
      ],
      [{ user_id: "ada" }, 400, "invalid_body", "Cannot do without content: allowed is 1 to 4,000"],
      [{ content: "x" }, 400, "invalid_body", "Missing user_id: expected 1 to 100"],
      [{ content: "", user_id: "ada" }, 400, "invalid_body", 'Cannot use content=""'],
      [{ content: "\u0000", user_id: "ada" }, 400, "invalid_body", "Cannot use content="],
      [{ content: "😀".repeat(4_001), user_id: "ada" }, 400, "invalid_body", "Cannot use content="],
      [{ content: "x", user_id: "a\nb" }, 400, "invalid_body", "Cannot use user_id="],
      [{ content: "x", user_id: "ada", to: "bob" }, 400, "invalid_body", 'Cannot use field="to"'],
      ["x".repeat(70_000), 413, "payload_too_large", "Payload too large: the limit is 65536 bytes"],
    ] as const
  ) {
    const response = await postMessage(server, body);
    const { detail } = response.json;
    assertEquals([response.status, response.json.code, detail.slice(0, words.length)], [
      status,
      code,
      words,
    ]);
  }
  assertEquals(server.messages.stored, []);
});

Deno.test("POST /api/v1/messages knows who has signed in, and takes a key at its word", async () => {
  const callers = new FakeAuthenticator();
  callers.principals.set("token", sessionPrincipal(MAY_WRITE));
  callers.principals.set("key", keyPrincipal(MAY_WRITE));
  await using server = await new ServerUnderTest({ callers }).start();
  const page = { cookie: "runwire=token", origin: server.url };
  const key = { authorization: "Bearer key" };
  const authorOf = async (body: object, headers: Record<string, string>) => {
    const { status, json } = await postMessage(server, { content: "x", ...body }, headers);
    return [status, json.user_id ?? json.code];
  };
  assertEquals(await authorOf({}, page), [201, "octocat"]);
  assertEquals(await authorOf({ user_id: "mallory" }, page), [201, "octocat"]);
  assertEquals(await authorOf({ user_id: "robot" }, key), [201, "robot"]);
  assertEquals(await authorOf({}, key), [400, "invalid_body"]);
  assertEquals(await authorOf({ user_id: "x" }, {}), [401, "unauthenticated"]);
  assertEquals(await authorOf({}, { cookie: "runwire=token" }), [403, "origin_not_allowed"]);
});

Deno.test("POST /api/v1/messages is for those who may write, GET for those who may read", async () => {
  const callers = new FakeAuthenticator();
  const server = await new ServerUnderTest({ callers }).start();
  await using _ = server;
  const key = { authorization: "Bearer key" };
  const outcomes = async (): Promise<readonly number[]> => {
    const posted = await postMessage(server, { content: "x", user_id: "ada" }, key);
    const listed = await fetch(server.url + PATH, { headers: key });
    await listed.body?.cancel();
    return [posted.status, listed.status];
  };
  for (
    const [permissions, expected] of [
      [["read"], [403, 200]],
      [["write"], [201, 403]],
      [["read", "write"], [201, 200]],
      [[], [403, 403]],
    ] as const
  ) {
    callers.principals.set("key", keyPrincipal({ permissions: new Set(permissions) }));
    assertEquals<readonly number[]>(await outcomes(), expected);
  }
});

Deno.test("GET /api/v1/messages pages back by Link, to the first", async () => {
  await using server = await new ServerUnderTest().start();
  for (let each = 1; each <= 7; each++) {
    await postMessage(server, { content: String(each), user_id: "ada" });
  }
  const pages: string[][] = [];
  let url: string | undefined = `${server.url}${PATH}?limit=3`;
  while (url !== undefined) {
    const { status, headers, json } = await read(url);
    assertEquals(status, 200);
    pages.push(json.items.map(({ content }: Json) => content));
    const link = headers.get("link");
    if (link !== null) assertMatch(link, /^<[^>]+[?&]before=[0-9a-f-]{36}[^>]*>; rel="next"$/);
    url = link?.match(/<(.*)>/)?.[1];
  }
  assertEquals(pages, [["7", "6", "5"], ["4", "3", "2"], ["1"]]);
});

Deno.test("GET /api/v1/messages names a wrong parameter, and a message that is not kept", async () => {
  await using server = await new ServerUnderTest().start();
  const none = "00000000-0000-4000-8000-000000000000";
  for (
    const [query, status, detail] of [
      ["limit=0", 400, 'Cannot use limit="0": allowed is a whole number from 1 to 100'],
      ["limit=101", 400, 'Cannot use limit="101": allowed is a whole number from 1 to 100'],
      ["before=7", 400, 'Cannot use before="7": allowed is the id of a message'],
      ["page=2", 400, 'Cannot use parameter="page": allowed is before, limit'],
      [`before=${none}`, 404, `Cannot find message ${none}: it is not kept`],
    ] as const
  ) {
    const response = await read(`${server.url}${PATH}?${query}`);
    assertEquals([response.status, response.json.detail], [status, detail]);
  }
});

Deno.test("GET /api/v1/messages says that nothing has changed until somebody says something", async () => {
  await using server = await new ServerUnderTest().start();
  await postMessage(server, { content: "one", user_id: "ada" });
  const { headers } = await read(server.url + PATH);
  const again = () =>
    fetch(server.url + PATH, { headers: { "if-none-match": headers.get("etag") ?? "" } });
  assertEquals((await again()).status, 304);
  await postMessage(server, { content: "two", user_id: "ada" });
  const changed = await again();
  assertEquals([changed.status, (await changed.json()).items.length], [200, 2]);
});
