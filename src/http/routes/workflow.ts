import { createRoute, z } from "@hono/zod-openapi";
import type { Catalog, CatalogWorkflow } from "../../repository/catalog.ts";
import { runData } from "../../run/event.ts";
import type { RunHistory } from "../../run/history.ts";
import {
  type Api,
  DATA_SERVERS,
  jsonResponse,
  newApi,
  NOT_MODIFIED,
  paramsSchema,
} from "../api.ts";
import { requires } from "../security.ts";
import { LINK_HEADER, listSchema, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import { ProblemError } from "../problem.ts";
import { openApiProblems, READ_PROBLEMS } from "../problem_schema.ts";
import { idParam, repositoryNameParam } from "../query.ts";
import { RunSchema } from "../run_schema.ts";

/** How many runs a workflow is shown with. */
const LATEST_RUNS = 10;

const WorkflowFields = {
  id: z.int().openapi({ example: 161335 }),
  repository: z.string().openapi({ example: "octo/app" }),
  name: z.string().openapi({ example: "CI" }),
  path: z.string().nullable().openapi({
    description: "`null` until GitHub has told",
    example: ".github/workflows/ci.yml",
  }),
  state: z.string().nullable().openapi({ description: "GitHub's word", example: "active" }),
  html_url: z.string().nullable().openapi({
    example: "https://github.com/octo/app/blob/main/.github/workflows/ci.yml",
  }),
};

const WorkflowSchema = z.object({
  ...WorkflowFields,
  latest_run: RunSchema.nullable().openapi({ description: "The latest created one" }),
}).openapi("Workflow");

const WorkflowDetailSchema = z.object({
  ...WorkflowFields,
  latest_runs: z.array(RunSchema).openapi({
    description: `The ${LATEST_RUNS} latest created, newest first`,
  }),
}).openapi("WorkflowDetail");

const LIST = createRoute({
  method: "get",
  path: "/workflows",
  tags: ["workflows"],
  servers: DATA_SERVERS,
  ...requires("read"),
  summary: "List workflows with the latest run of each",
  description: "By repository and name.",
  request: {
    query: paramsSchema({
      repository: repositoryNameParam({ description: "Of this repository" }).optional(),
      ...PAGE_PARAMETERS,
    }),
  },
  responses: {
    200: { ...jsonResponse(listSchema(WorkflowSchema), "Workflows"), ...LINK_HEADER },
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS),
  },
});

const DETAIL = createRoute({
  method: "get",
  path: "/workflows/{id}",
  tags: ["workflows"],
  servers: DATA_SERVERS,
  ...requires("read"),
  summary: "Get a workflow with its latest runs",
  request: {
    params: paramsSchema({ id: idParam({ description: "GitHub's number of the workflow" }) }),
    query: paramsSchema({}),
  },
  responses: {
    200: jsonResponse(WorkflowDetailSchema, "The workflow"),
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS, "not_found"),
  },
});

export interface WorkflowRoutesOptions {
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
    const runs = new Map(latest.map((run) => [run.workflowId, runData(run)]));
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
    if (!workflow) {
      throw new ProblemError("not_found", `Cannot find workflow ${id}: it is not kept here`);
    }
    const runs = await history.latestByWorkflow([id], { count: LATEST_RUNS, visibility });
    return context.json({ ...toWorkflowJson(workflow), latest_runs: runs.map(runData) }, 200);
  });
  return api;
}

function toWorkflowJson({ id, repository, name, path, state, htmlUrl }: CatalogWorkflow) {
  return { id, repository, name, path, state, html_url: htmlUrl };
}
