import { assertEquals, assertMatch } from "@std/assert";
import { CONTENT_RULE, USER_ID_RULE } from "../../../src/message/message.ts";
import {
  FakeAuthenticator,
  keyPrincipal,
  sessionPrincipal,
} from "../../fakes/stores/authenticator.ts";
import { joinMessages } from "../../fakes/stores/messages.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";

const PATH = "/api/v1/messages";
const CAN_WRITE = { permissions: new Set(["read", "write"] as const) };

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

Deno.test("POST /api/v1/messages stores a message, delivers it, and returns it", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await joinMessages(server);
  const { status, json } = await postMessage(server, { content: "Hello 😀", user_id: "ada" });
  assertEquals(status, 201);
  assertEquals(Object.keys(json), ["id", "content", "user_id", "created_at"]);
  assertEquals([json.content, json.user_id], ["Hello 😀", "ada"]);
  assertEquals(JSON.parse(await client.next()), json);
  assertEquals((await read(server.url + PATH)).json, { items: [json] });
});

Deno.test("POST /api/v1/messages rejects an invalid body", async (t) => {
  await using server = await new ServerUnderTest().start();
  const user_id = "ada";
  for (
    const [name, body, status, code, detail] of [
      ["no JSON", "{", 400, "invalid_body", "Invalid body: expected JSON"],
      [
        "an array",
        [],
        400,
        "invalid_body",
        "Invalid body: expected a JSON object with content, user_id",
      ],
      ["no content", { user_id }, 400, "invalid_body", `Missing content: expected ${CONTENT_RULE}`],
      [
        "no user_id",
        { content: "x" },
        400,
        "invalid_body",
        `Missing user_id: expected ${USER_ID_RULE}`,
      ],
      [
        "an empty content",
        { content: "", user_id },
        400,
        "invalid_body",
        `Invalid content "": expected ${CONTENT_RULE}`,
      ],
      [
        "U+0000",
        { content: "\u0000", user_id },
        400,
        "invalid_body",
        `Invalid content "\u0000": expected ${CONTENT_RULE}`,
      ],
      [
        "4001 characters",
        { content: "😀".repeat(4_001), user_id },
        400,
        "invalid_body",
        `Invalid content "${"😀".repeat(50)}…": expected ${CONTENT_RULE}`,
      ],
      [
        "a control character in user_id",
        { content: "x", user_id: "a\nb" },
        400,
        "invalid_body",
        `Invalid user_id "a\nb": expected ${USER_ID_RULE}`,
      ],
      [
        "an unknown field",
        { content: "x", user_id, to: "bob" },
        400,
        "invalid_body",
        'Unknown field "to": expected content or user_id',
      ],
      [
        "70,000 bytes",
        "x".repeat(70_000),
        413,
        "payload_too_large",
        "Payload too large: the limit is 65536 bytes",
      ],
    ] as const
  ) {
    await t.step(name, async () => {
      const response = await postMessage(server, body);
      assertEquals([response.status, response.json.code], [status, code]);
      assertEquals(response.json.detail, detail);
    });
  }
  assertEquals(server.messages.stored, []);
});

Deno.test("POST /api/v1/messages sets the author of a signed-in user; a key chooses it", async () => {
  const authenticator = new FakeAuthenticator();
  authenticator.principals.set("token", sessionPrincipal(CAN_WRITE));
  authenticator.principals.set("key", keyPrincipal(CAN_WRITE));
  await using server = await new ServerUnderTest({ authenticator }).start();
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

Deno.test("POST /api/v1/messages requires the permission write, GET requires read", async () => {
  const authenticator = new FakeAuthenticator();
  const server = await new ServerUnderTest({ authenticator }).start();
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
    authenticator.principals.set("key", keyPrincipal({ permissions: new Set(permissions) }));
    assertEquals<readonly number[]>(await outcomes(), expected);
  }
});

Deno.test("GET /api/v1/messages links the previous page, back to the first message", async () => {
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

Deno.test("GET /api/v1/messages rejects invalid parameters and unknown messages", async (t) => {
  await using server = await new ServerUnderTest().start();
  const id = "00000000-0000-4000-8000-000000000000";
  for (
    const [query, status, detail] of [
      ["limit=0", 400, 'Invalid limit "0": expected an integer from 1 to 100'],
      ["limit=101", 400, 'Invalid limit "101": expected an integer from 1 to 100'],
      ["before=7", 400, 'Invalid before "7": expected the id of a message'],
      ["page=2", 400, 'Unknown parameter "page": expected before or limit'],
      [`before=${id}`, 404, `Message ${id} not found`],
    ] as const
  ) {
    await t.step(query, async () => {
      const response = await read(`${server.url}${PATH}?${query}`);
      assertEquals([response.status, response.json.detail], [status, detail]);
    });
  }
});

Deno.test("GET /api/v1/messages answers 304 until a message is posted", async () => {
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
