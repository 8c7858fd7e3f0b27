import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { runRoutes } from "../../../src/http/routes/run.ts";
import { toRunData } from "../../../src/run/event.ts";
import { OpenApiValidator } from "../../fakes/openapi_validator.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { FakeRunHistory } from "../../fakes/stores/run_history.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";

async function fetchDocument(): Promise<OpenApiValidator> {
  const data = [runRoutes({ history: new FakeRunHistory() })];
  await using server = await new ServerUnderTest({ data }).start();
  return new OpenApiValidator(await (await fetch(`${server.url}/openapi.json`)).json());
}

const RUN = toRunData(aRun());
const OK = { method: "GET", status: 200, contentType: "application/json" };

Deno.test("OpenApiValidator accepts documented responses under both servers", async () => {
  const document = await fetchDocument();
  for (const path of ["/runs", "/api/v1/runs"]) {
    const body = { total_count: 1, items: [RUN] };
    assertEquals(document.findViolation({ ...OK, path, body }), undefined);
    assertEquals(document.findViolation({ ...OK, path, method: "HEAD" }), undefined);
  }
  const detail = { ...RUN, attempts: [], jobs: [] };
  assertEquals(document.findViolation({ ...OK, path: "/runs/7", body: detail }), undefined);
});

for (
  const [what, change, complaint] of [
    ["an unknown field in a list", { items: [{ ...RUN, secret: 1 }] }, "unevaluated"],
    ["an unknown field next to it", { extra: 1 }, "unevaluated"],
    ["a missing field", { items: [{ ...RUN, id: undefined }] }, "required property 'id'"],
    ["a wrong type", { items: [{ ...RUN, id: "1" }] }, "must be integer"],
    [
      "an invalid time",
      { items: [{ ...RUN, updated_at: "yesterday" }] },
      'must match format "date-time"',
    ],
  ] as const
) {
  Deno.test(`OpenApiValidator finds ${what}`, async () => {
    const body = JSON.parse(JSON.stringify({ total_count: 1, items: [RUN], ...change }));
    const found = (await fetchDocument()).findViolation({ ...OK, path: "/runs", body });
    assertStringIncludes(found ?? "", complaint);
  });
}

Deno.test("OpenApiValidator finds an undocumented status, type, code and path", async () => {
  const document = await fetchDocument();
  const at = (answer: Record<string, unknown>) =>
    document.findViolation({ ...OK, path: "/runs", ...answer });
  assertEquals(at({ status: 201 }), "201 is not documented");
  assertEquals(at({ contentType: "text/plain" }), "text/plain is not documented");
  const problem = { title: "Not found", status: 400, detail: "", code: "not_found" };
  const contentType = "application/problem+json";
  assertStringIncludes(at({ status: 400, contentType, body: problem }) ?? "", "allowed values");
  assertStringIncludes(at({ path: "/walks", body: {} }) ?? "", "for a route that is documented");
  assertStringIncludes(at({ method: "PUT", body: {} }) ?? "", "for a route that is documented");
});

Deno.test("A test fails that fetches an undocumented response", async () => {
  const history = new FakeRunHistory();
  history.runs = [{ ...aRun(), createdAt: "yesterday" }];
  await using server = await new ServerUnderTest({ data: [runRoutes({ history })] }).start();
  await assertRejects(() => fetch(`${server.url}/runs`), Error, "does not match /openapi.json");
});
