import { z } from "@hono/zod-openapi";
import type { Catalog, CatalogWorkflow } from "../../repository/catalog.ts";
import { toRunData } from "../../run/event.ts";
import type { RunHistory } from "../../run/history.ts";
import { type Api, apiRoute, DATA_SERVERS, newApi, nullable, ok } from "../api.ts";
import { okList, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import { idParam, paramsSchema, repositoryNameParam } from "../params.ts";
import { notFoundProblem } from "../problem.ts";
import { requires } from "../security.ts";
import { RunSchema } from "./run.ts";

/** The number of runs in the details of a workflow. */
const LATEST_RUNS = 10;

const WorkflowFields = {
  id: z.int().openapi({ example: 161335 }),
  repository: z.string().openapi({ example: "octo/app" }),
  name: z.string().openapi({ example: "CI" }),
  path: z.string().nullable().openapi({
    description: "`null` until received from GitHub",
    example: ".github/workflows/ci.yml",
  }),
  state: z.string().nullable().openapi({ description: "State on GitHub", example: "active" }),
  html_url: z.string().nullable().openapi({
    example: "https://github.com/octo/app/blob/main/.github/workflows/ci.yml",
  }),
};

const WorkflowSchema = z.object({
  ...WorkflowFields,
  latest_run: nullable(RunSchema, "The run created last"),
}).openapi("Workflow");

const WorkflowDetailSchema = z.object({
  ...WorkflowFields,
  latest_runs: z.array(RunSchema).openapi({
    description: `The ${LATEST_RUNS} runs created last, newest first`,
  }),
}).openapi("WorkflowDetail");

const LIST = apiRoute({
  operationId: "listWorkflows",
  tag: "workflows",
  method: "get",
  path: "/workflows",
  servers: DATA_SERVERS,
  access: requires("read"),
  summary: "List workflows with the latest run of each",
  description: "By repository and name.",
  query: paramsSchema({
    repository: repositoryNameParam({ description: "Filter by repository" }).optional(),
    ...PAGE_PARAMETERS,
  }),
  returns: okList("WorkflowList", WorkflowSchema, "Workflows"),
});

const DETAIL = apiRoute({
  operationId: "getWorkflow",
  tag: "workflows",
  method: "get",
  path: "/workflows/{id}",
  servers: DATA_SERVERS,
  access: requires("read"),
  summary: "Get a workflow with its latest runs",
  params: paramsSchema({ id: idParam({ description: "GitHub workflow ID" }) }),
  returns: ok(WorkflowDetailSchema, "The workflow"),
  problems: ["not_found"],
});

interface WorkflowRoutesOptions {
  readonly catalog: Pick<Catalog, "listWorkflows" | "findWorkflow">;
  readonly history: Pick<RunHistory, "latestByWorkflow">;
}

/** `GET /workflows` and `GET /workflows/{id}`. */
export function workflowRoutes({ catalog, history }: WorkflowRoutesOptions): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { repository, page, per_page: perPage } = context.req.valid("query");
    const visibility = await context.get("principal").visibility();
    const { total, workflows } = await catalog.listWorkflows({
      visibility,
      repository,
      page,
      perPage,
    });
    const latest = await history.latestByWorkflow(workflows.map(({ id }) => id), {
      count: 1,
      visibility,
    });
    const runs = new Map(latest.map((run) => [run.workflowId, toRunData(run)]));
    setPageLinks(context, { page, perPage, total });
    return context.json({
      total_count: total,
      items: workflows.map((each) => ({
        ...toWorkflowJson(each),
        latest_run: runs.get(each.id) ?? null,
      })),
    }, 200);
  });
  api.openapi(DETAIL, async (context) => {
    const { id } = context.req.valid("param");
    const visibility = await context.get("principal").visibility();
    const workflow = await catalog.findWorkflow(id, visibility);
    if (!workflow) throw notFoundProblem("Workflow", id);
    const runs = await history.latestByWorkflow([id], { count: LATEST_RUNS, visibility });
    return context.json({ ...toWorkflowJson(workflow), latest_runs: runs.map(toRunData) }, 200);
  });
  return api;
}

function toWorkflowJson({ id, repository, name, path, state, htmlUrl }: CatalogWorkflow) {
  return { id, repository, name, path, state, html_url: htmlUrl };
}
