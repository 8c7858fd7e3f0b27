import { assertEquals } from "@std/assert";
import { createRoute, z } from "@hono/zod-openapi";
import { DATA_SERVERS, jsonResponse, newApi } from "../../src/http/api.ts";
import { bodySchema } from "../../src/http/params.ts";
import { openApiProblems, WRITE_PROBLEMS } from "../../src/http/problem.ts";
import { RawRequest } from "../fakes/clients/raw_request.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

const NAME = "a name";

/** A server with a route that accepts `{"name"}` and returns it. */
async function start(): Promise<ServerUnderTest> {
  const api = newApi();
  const schema = bodySchema({ name: z.string({ error: NAME }).min(1, NAME) });
  const route = createRoute({
    method: "post",
    path: "/names",
    tags: ["names"],
    servers: DATA_SERVERS,
    request: { body: { required: true, content: { "application/json": { schema } } } },
    responses: {
      200: jsonResponse(z.object({ name: z.string() }), "The name"),
      ...openApiProblems(...WRITE_PROBLEMS),
    },
  });
  api.openapi(route, (context) => context.json(context.req.valid("json"), 200));
  return await new ServerUnderTest({ data: [api] }).start();
}

async function post(server: ServerUnderTest, text: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/api/v1/names`, {
    method: "POST",
    body: text,
    headers: { "content-type": "application/json", ...headers },
  });
  return { status: response.status, body: await response.json() };
}

Deno.test("POST accepts a JSON body", async () => {
  await using server = await start();
  const { status, body } = await post(server, '{"name":"Größe"}');
  assertEquals([status, body], [200, { name: "Größe" }]);
  const charset = { "content-type": "Application/JSON; charset=utf-8" };
  assertEquals((await post(server, '{"name":"x"}', charset)).status, 200);
});

Deno.test("POST rejects an invalid body", async (t) => {
  await using server = await start();
  for (
    const [text, detail] of [
      ["{", "Invalid body: expected JSON"],
      ["", "Invalid body: expected JSON"],
      ["[]", "Invalid body: expected a JSON object with name"],
      ["null", "Invalid body: expected a JSON object with name"],
      ["{}", "Missing name: expected a name"],
      ['{"name":""}', 'Invalid name "": expected a name'],
      ['{"name":{"first":1}}', 'Invalid name "{"first":1}": expected a name'],
      ['{"name":"x","nick":"y"}', 'Unknown field "nick": expected name'],
    ] as const
  ) {
    await t.step(text || "empty", async () => {
      const { status, body } = await post(server, text);
      assertEquals([status, body.code, body.detail], [400, "invalid_body", detail]);
    });
  }
});

Deno.test("POST accepts only JSON, which HTML forms cannot send", async () => {
  await using server = await start();
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
    const { status, body } = await post(server, '{"name":"x"}', { "content-type": type });
    assertEquals([status, body.code], [415, "unsupported_media_type"]);
    assertEquals(body.detail, `Invalid Content-Type "${type}": expected application/json`);
  }
});

Deno.test("POST rejects pages of foreign origins", async () => {
  await using server = await start();
  const { status, body } = await post(server, '{"name":"x"}', { origin: "https://evil.example" });
  assertEquals([status, body.code], [403, "origin_not_allowed"]);
});

Deno.test("POST accepts up to 64 KiB, with or without Content-Length", async () => {
  await using server = await start();
  const { status, body } = await post(server, JSON.stringify({ name: "x".repeat(65_536) }));
  assertEquals([status, body.code], [413, "payload_too_large"]);
  assertEquals(body.detail, "Payload too large: the limit is 65536 bytes");
  using request = await RawRequest.post(server.port, "/names", {
    "Content-Type": "application/json",
    "Transfer-Encoding": "chunked",
  });
  const piece = "x".repeat(40_000);
  for (const _ of [1, 2]) await request.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
  assertEquals((await request.readResponse()).status, 413);
});
