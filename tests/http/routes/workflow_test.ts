import { assertEquals } from "@std/assert";
import { workflowRoutes } from "../../../src/http/routes/workflow.ts";
import type { CatalogWorkflow, WorkflowQuery } from "../../../src/repository/catalog.ts";
import { toRunData } from "../../../src/run/event.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { FakeRunHistory } from "../../fakes/stores/run_history.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";

const CI: CatalogWorkflow = {
  id: 7,
  repository: "octo/a",
  name: "CI",
  path: ".github/workflows/ci.yml",
  state: "active",
  htmlUrl: "https://github.com/octo/a/blob/main/.github/workflows/ci.yml",
};
const NIGHTLY = { ...CI, id: 8, name: "Nightly", path: null, state: null, htmlUrl: null };
const CI_JSON = {
  id: CI.id,
  repository: CI.repository,
  name: CI.name,
  path: CI.path,
  state: CI.state,
  html_url: CI.htmlUrl,
};

async function start() {
  const history = new FakeRunHistory();
  const queries: WorkflowQuery[] = [];
  const catalog = {
    listWorkflows: (query: WorkflowQuery) => {
      queries.push(query);
      return Promise.resolve({ total: 2, workflows: [CI, NIGHTLY] });
    },
    findWorkflow: (id: number) => Promise.resolve([CI, NIGHTLY].find((each) => each.id === id)),
  };
  const data = [workflowRoutes({ catalog, history })];
  return { history, queries, server: await new ServerUnderTest({ data }).start() };
}

for (const base of ["", "/api/v1"]) {
  Deno.test(`GET ${base}/workflows lists workflows with their latest run`, async () => {
    const { history, queries, server } = await start();
    await using _ = server;
    const latest = aRun({ id: 2, createdAt: "2026-01-02T00:00:00Z" });
    history.runs = [aRun(), latest];
    const response = await fetch(`${server.url}${base}/workflows?repository=Octo/A&per_page=2`);
    assertEquals(await response.json(), {
      total_count: 2,
      items: [
        { ...CI_JSON, latest_run: toRunData(latest) },
        {
          ...CI_JSON,
          id: 8,
          name: "Nightly",
          path: null,
          state: null,
          html_url: null,
          latest_run: null,
        },
      ],
    });
    assertEquals(queries, [{ visibility: "all", repository: "Octo/A", page: 1, perPage: 2 }]);
  });
}

Deno.test("GET /workflows/{id} returns the ten latest runs", async () => {
  const { history, server } = await start();
  await using _ = server;
  history.runs = Array.from({ length: 12 }, (_, index) => aRun({ id: index + 1 }));
  const body = await (await fetch(`${server.url}/workflows/7`)).json();
  const { latest_runs, ...workflow } = body;
  assertEquals(workflow, CI_JSON);
  assertEquals(latest_runs.map(({ id }: { id: number }) => id), [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
});

Deno.test("GET /workflows/{id} answers 404 for an unknown workflow", async () => {
  const { server } = await start();
  await using _ = server;
  const response = await fetch(`${server.url}/workflows/9`);
  assertEquals(response.status, 404);
  const { code, detail } = await response.json();
  assertEquals([code, detail], ["not_found", "Workflow 9 not found"]);
});
