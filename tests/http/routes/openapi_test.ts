import { assert, assertEquals } from "@std/assert";
import { buildApiDocument } from "../../fakes/api_document.ts";
import { AppUnderTest } from "../../fakes/apps/app.ts";
import { openTestDatabase } from "../../fakes/database.ts";
import { isPostgresAvailable } from "../../fakes/postgres.ts";
import { waitUntil } from "../../fakes/wait.ts";

interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly schema: {
    readonly enum?: readonly string[];
    readonly default?: unknown;
    readonly example?: unknown;
    readonly minimum?: number;
    readonly maximum?: number;
  };
}

interface Operation {
  readonly tags: readonly string[];
  readonly summary?: string;
  readonly operationId?: string;
  readonly servers?: readonly { readonly url: string }[];
  readonly parameters?: readonly Parameter[];
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** A data route under one of its servers. */
interface Route {
  readonly path: string;
  readonly query: readonly Parameter[];
}

/** The program with two runs, and its document. */
async function start(environment: Record<string, string> = {}) {
  const app = new AppUnderTest({
    environment: { POLL_WHEN: "always", THROTTLE_RATE: "0", ...environment },
  });
  app.world.addRepository({ full_name: "octo/app" });
  for (const conclusion of ["success", "failure"]) {
    app.world.addRun("octo/app", { status: "completed", conclusion });
  }
  await app.start();
  await waitUntil(
    async () => (await request(`${app.url}/runs`)).body.total_count === 2,
    "runs to be stored",
  );
  const document: Document = (await request(`${app.url}/openapi.json`)).body;
  return { app, document };
}

/** ResponseCheck compares every response with the document. */
async function request(url: string, init?: RequestInit) {
  const response = await fetch(url, init);
  return { status: response.status, body: await response.json() };
}

function listDataRoutes({ paths }: Document): readonly Route[] {
  return Object.entries(paths).flatMap(([path, { get }]) =>
    (get?.servers ?? []).map(({ url }) => ({
      path: `${url.replace(/\/$/, "")}${path}`,
      query: (get?.parameters ?? []).filter((each) => each.in === "query"),
    }))
  );
}

function validValues({ schema }: Parameter): readonly string[] {
  const { example, minimum, maximum } = schema;
  const values = [...schema.enum ?? [], schema.default, example, minimum, maximum];
  return values.filter((value) => value !== undefined).map(String);
}

/** A character that no value has, the empty text, and the numbers next to the bounds. */
function invalidValues({ schema: { minimum, maximum } }: Parameter): readonly string[] {
  const outOfRange = [
    ...(minimum === undefined ? [] : [minimum - 1]),
    ...(maximum === undefined ? [] : [maximum + 1]),
  ];
  return ["\u0000", "", ...outOfRange.map(String)];
}

/** The URL of a route for an existing item. */
async function resolveUrl(app: AppUnderTest, { path }: Route): Promise<string> {
  if (!path.endsWith("/{id}")) return app.url + path;
  const list = app.url + path.slice(0, -"/{id}".length);
  return `${list}/${(await request(list)).body.items[0].id}`;
}

async function assertAccepted(url: string, parameter: Parameter): Promise<void> {
  const { name } = parameter;
  const values = validValues(parameter);
  assert(values.length > 0, `${url} has no example of ${name}`);
  for (const value of values) {
    // A range is limited in length.
    const query = new URLSearchParams({ [name]: value, ...(name === "from" ? { to: value } : {}) });
    const { status, body } = await request(`${url}?${query}`);
    const isTooFar = name === "page" && body.detail?.includes("narrow the list");
    assert(status === 200 || isTooFar, `${url}?${query}: ${body.detail}`);
  }
}

async function assertRejected(url: string, parameter: Parameter): Promise<void> {
  const { name } = parameter;
  for (const value of invalidValues(parameter)) {
    const query = new URLSearchParams({ [name]: value });
    const { status, body } = await request(`${url}?${query}`);
    assertEquals([status, body.code], [400, "invalid_parameter"], `${url}?${query}`);
    const beginning = `Invalid ${name} "${value}": expected `;
    assertEquals(body.detail.slice(0, beginning.length), beginning);
  }
}

async function assertUnknownRejected(url: string): Promise<void> {
  const { status, body } = await request(`${url}?nonsense=1`);
  assertEquals([status, body.code], [400, "invalid_parameter"], url);
  const beginning = 'Unknown parameter "nonsense": expected ';
  assertEquals(body.detail.slice(0, beginning.length), beginning);
}

async function assertIdsChecked(url: string): Promise<void> {
  const list = url.slice(0, url.lastIndexOf("/"));
  assertEquals((await request(`${list}/999999`)).body.code, "not_found");
  for (const id of ["0", "-1", "x", "1.5", "9007199254740992"]) {
    assertEquals((await request(`${list}/${id}`)).body.code, "invalid_parameter", `${list}/${id}`);
  }
}

for (const kind of ["memory", "postgres"] as const) {
  Deno.test({
    name: `Every route accepts what the document allows, and rejects everything else (${kind})`,
    ignore: kind === "postgres" && !await isPostgresAvailable(),
    async fn() {
      await using opened = await openTestDatabase(kind);
      const { app, document } = await start(
        kind === "postgres" ? { DATABASE_URL: opened.url } : {},
      );
      await using _ = app;
      const routes = listDataRoutes(document);
      assertEquals(new Set(routes.map(({ path }) => path)).size, 14);
      for (const route of routes) {
        const url = await resolveUrl(app, route);
        assertEquals((await request(url)).status, 200, url);
        for (const parameter of route.query) {
          await assertAccepted(url, parameter);
          await assertRejected(url, parameter);
        }
        await assertUnknownRejected(url);
        if (route.path.endsWith("/{id}")) await assertIdsChecked(url);
      }
    },
  });
}

Deno.test("GET /openapi.json has an operation ID, a summary and a tag for every operation", async () => {
  const { app, document } = await start();
  await using _ = app;
  assertEquals(document.openapi, "3.1.1");
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { operationId, summary, tags }] of Object.entries(operations)) {
      assert(operationId, `${method} ${path} has no operationId`);
      assert(summary, `${method} ${path} has no summary`);
      assertEquals(tags.length, 1, `${method} ${path}`);
    }
  }
  const ids = Object.values(document.paths).flatMap((operations) =>
    Object.values(operations).map(({ operationId }) => operationId)
  );
  assertEquals(new Set(ids).size, ids.length);
});

Deno.test("GET /openapi.json names each problem of an operation once", async () => {
  const { app, document } = await start();
  await using _ = app;
  const texts = JSON.stringify(document).match(/"description":"`\w+`( or `\w+`)*"/g) ?? [];
  const repeating = texts.filter((text) => {
    const codes = text.match(/`\w+`/g) ?? [];
    return new Set(codes).size < codes.length;
  });
  assert(texts.length > 0);
  assertEquals(repeating, []);
});

Deno.test("GET /openapi.json lists every route, except files of pages", async () => {
  const { app, document } = await start();
  await using _ = app;
  const described = Object.keys(document.paths);
  for (
    const path of [
      "/ws",
      "/api/v1/events",
      "/health",
      "/livez",
      "/api/v1/webhook/github",
      "/api/webhooks/github",
      "/repositories",
      "/repositories/{id}",
      "/workflows",
      "/workflows/{id}",
      "/runs",
      "/runs/{id}",
      "/stats",
      "/metrics",
      "/login",
      "/login/callback",
      "/logout",
      "/api/v1/me",
      "/api/v1/tickets",
      "/api/v1/users",
      "/api/v1/users/{id}",
      "/api/v1/users/{id}/sessions",
      "/api/v1/keys",
      "/api/v1/keys/{id}",
      "/api/v1/messages",
      "/openapi.json",
    ]
  ) {
    assert(described.includes(path), path);
  }
  assertEquals(described.filter((path) => path.startsWith("/docs")), []);
});

Deno.test("The document that test:openapi checks is the one that the program serves", async () => {
  const { app, document } = await start();
  await using _ = app;
  const checked: Document = JSON.parse(await buildApiDocument());
  assertEquals(checked.paths, document.paths);
});
