import { createRoute, z } from "@hono/zod-openapi";
import type { Catalog, CatalogWorkflow } from "../repository/catalog.ts";
import { runData } from "../run/event.ts";
import type { RunHistory } from "../run/history.ts";
import { type Api, DATA_SERVERS, json, newApi, NOT_MODIFIED, parameters } from "./api.ts";
import { demands } from "./demand.ts";
import { LINK_HEADER, linkPages, listOf, PAGE_PARAMETERS } from "./list.ts";
import { ProblemError } from "./problem.ts";
import { problems, READ_PROBLEMS } from "./problem_schema.ts";
import { id, repositoryName } from "./query.ts";
import { RunSchema } from "./run_schema.ts";

/** How many runs a workflow is shown with. */
const LATEST_RUNS = 10;

const Workflow = {
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
  ...Workflow,
  latest_run: RunSchema.nullable().openapi({ description: "The latest created one" }),
}).openapi("Workflow");

const WorkflowDetailSchema = z.object({
  ...Workflow,
  latest_runs: z.array(RunSchema).openapi({
    description: `The ${LATEST_RUNS} latest created, newest first`,
  }),
}).openapi("WorkflowDetail");

const LIST = createRoute({
  method: "get",
  path: "/workflows",
  tags: ["workflows"],
  servers: DATA_SERVERS,
  ...demands("read"),
  summary: "List workflows with the latest run of each",
  description: "By repository and name.",
  request: {
    query: parameters({
      repository: repositoryName({ description: "Of this repository" }).optional(),
      ...PAGE_PARAMETERS,
    }),
  },
  responses: {
    200: { ...json(listOf(WorkflowSchema), "Workflows"), ...LINK_HEADER },
    ...NOT_MODIFIED,
    ...problems(...READ_PROBLEMS),
  },
});

const DETAIL = createRoute({
  method: "get",
  path: "/workflows/{id}",
  tags: ["workflows"],
  servers: DATA_SERVERS,
  ...demands("read"),
  summary: "Get a workflow with its latest runs",
  request: {
    params: parameters({ id: id({ description: "GitHub's number of the workflow" }) }),
    query: parameters({}),
  },
  responses: {
    200: json(WorkflowDetailSchema, "The workflow"),
    ...NOT_MODIFIED,
    ...problems(...READ_PROBLEMS, "not_found"),
  },
});

export interface WorkflowRoutesOptions {
  readonly catalog: Pick<Catalog, "workflows" | "workflow">;
  readonly history: Pick<RunHistory, "latestOf">;
}

/** `GET /workflows` and `GET /workflows/{id}`. */
export function workflowRoutes({ catalog, history }: WorkflowRoutesOptions): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { repository, page, per_page: perPage } = context.req.valid("query");
    const visible = await context.get("caller").visibility();
    const { total, workflows } = await catalog.workflows({ visibility: visible, repository, page, perPage });
    const latest = await history.latestByWorkflow(workflows.map(({ id }) => id), { count: 1, visible });
    const runs = new Map(latest.map((run) => [run.workflowId, runData(run)]));
    linkPages(context, { page, perPage, total });
    return context.json({
      total_count: total,
      items: workflows.map((each) => ({
        ...workflowJson(each),
        latest_run: runs.get(each.id) ?? null,
      })),
    }, 200);
  });
  api.openapi(DETAIL, async (context) => {
    const { id } = context.req.valid("param");
    const visible = await context.get("caller").visibility();
    const workflow = await catalog.findWorkflow(id, visible);
    if (!workflow) {
      throw new ProblemError("not_found", `Cannot find workflow ${id}: it is not kept here`);
    }
    const runs = await history.latestByWorkflow([id], { count: LATEST_RUNS, visible });
    return context.json({ ...workflowJson(workflow), latest_runs: runs.map(runData) }, 200);
  });
  return api;
}

function workflowJson({ id, repository, name, path, state, htmlUrl }: CatalogWorkflow) {
  return { id, repository, name, path, state, html_url: htmlUrl };
}
