import { createRoute, z } from "@hono/zod-openapi";
import { durationSeconds, runData, secondsBetween } from "../../run/event.ts";
import { type Job, MAX_COUNTED_RUNS, type RunAttempt, type RunHistory } from "../../run/history.ts";
import type { Run } from "../../run/run.ts";
import {
  type Api,
  DATA_SERVERS,
  jsonResponse,
  newApi,
  NOT_MODIFIED,
  paramsSchema,
  parsedParam,
} from "../api.ts";
import { DATE_RANGE_FORMS, parseDateRange } from "../date_range.ts";
import { requires } from "../security.ts";
import { LINK_HEADER, listSchema, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import { ParameterError } from "../params.ts";
import { ProblemError } from "../problem.ts";
import { openApiProblems, READ_PROBLEMS } from "../problem_schema.ts";
import { enumParam, idParam, nameParam, repositoryNameParam, withDefault } from "../query.ts";
import { type AttemptJson, type JobJson, RunDetailSchema, RunSchema } from "../run_schema.ts";

/** https://docs.github.com/en/rest/checks/runs */
const STATUSES = ["queued", "in_progress", "completed", "waiting", "requested", "pending"];
const CONCLUSIONS = [
  "success",
  "failure",
  "neutral",
  "cancelled",
  "skipped",
  "timed_out",
  "action_required",
  "stale",
  "startup_failure",
];
const MAX_WORDS = 10;

const LIST = createRoute({
  method: "get",
  path: "/runs",
  tags: ["runs"],
  servers: DATA_SERVERS,
  ...requires("read"),
  summary: "List runs",
  description:
    `By creation, newest first. ${MAX_COUNTED_RUNS} runs can be reached at the most; \`total_count_capped\` says that there may be more: narrow the list by \`created\`.`,
  request: {
    query: paramsSchema({
      repository: repositoryNameParam({ description: "Of this repository" }).optional(),
      workflow_id: idParam({ description: "Of this workflow" }).optional(),
      status: enumParam(STATUSES, { description: "With this status" }).optional(),
      conclusion: enumParam(CONCLUSIONS, { description: "With this conclusion" }).optional(),
      event: nameParam({ description: "Started by this event", example: "push" }).optional(),
      branch: nameParam({ description: "Of this branch", example: "main" }).optional(),
      actor: nameParam({ description: "Started by this login", example: "octocat" }).optional(),
      created: parsedParam(parseDateRange, {
        allowed: DATE_RANGE_FORMS,
        description: "Created in this span, both ends included",
        example: "2026-01-01..2026-01-31",
      }).optional(),
      q: parsedParam(parseSearchWords, {
        allowed: `up to ${MAX_WORDS} words, of which one has a letter or digit`,
        description: "Each of these words begins a word of the title, in any case",
        example: "fix build",
      }).optional(),
      sort: withDefault(
        enumParam(["created"], { description: "What the order goes by" }),
        "created",
      ),
      direction: withDefault(
        enumParam(["asc", "desc"], { description: "`desc`: newest first" }),
        "desc",
      ),
      ...PAGE_PARAMETERS,
    }),
  },
  responses: {
    200: {
      ...jsonResponse(
        listSchema(RunSchema).extend({
          total_count_capped: z.literal(true).optional().openapi({
            description: `There are ${MAX_COUNTED_RUNS} runs or more`,
          }),
        }),
        "Runs",
      ),
      ...LINK_HEADER,
    },
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS),
  },
});

const DETAIL = createRoute({
  method: "get",
  path: "/runs/{id}",
  tags: ["runs"],
  servers: DATA_SERVERS,
  ...requires("read"),
  summary: "Get a run with its attempts and jobs",
  request: {
    params: paramsSchema({ id: idParam({ description: "GitHub's number of the run" }) }),
    query: paramsSchema({}),
  },
  responses: {
    200: jsonResponse(RunDetailSchema, "The run"),
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS, "not_found"),
  },
});

/** `GET /runs` and `GET /runs/{id}`. */
export function runRoutes({ history }: { readonly history: RunHistory }): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { workflow_id, created, q, page, per_page, sort: _sort, ...query } = context.req.valid(
      "query",
    );
    if ((page - 1) * per_page >= MAX_COUNTED_RUNS) throw pageOutOfRange(page, per_page);
    const { total, runs } = await history.list({
      ...query,
      visibility: await context.get("principal").visibility(),
      workflowId: workflow_id,
      createdFrom: created?.from,
      createdBefore: created?.before,
      words: q,
      page,
      perPage: per_page,
    });
    setPageLinks(context, { page, perPage: per_page, total });
    return context.json({
      total_count: total,
      ...(total >= MAX_COUNTED_RUNS ? { total_count_capped: true as const } : {}),
      items: runs.map(runData),
    }, 200);
  });
  api.openapi(DETAIL, async (context) => {
    const { id } = context.req.valid("param");
    const detail = await history.detail(id, await context.get("principal").visibility());
    if (!detail) throw new ProblemError("not_found", `Cannot find run ${id}: it is not kept here`);
    const { run, attempts, jobs } = detail;
    return context.json({
      ...runData(run),
      attempts: attempts.map((attempt) => toAttemptJson(run, attempt)),
      jobs: jobs.map(toJobJson),
    }, 200);
  });
  return api;
}

function toAttemptJson({ createdAt }: Run, attempt: RunAttempt): AttemptJson {
  return {
    run_attempt: attempt.runAttempt,
    status: attempt.status,
    conclusion: attempt.conclusion,
    started_at: attempt.startedAt,
    updated_at: attempt.updatedAt,
    duration_seconds: durationSeconds({ ...attempt, createdAt }),
  };
}

function toJobJson(job: Job): JobJson {
  return {
    id: job.id,
    run_attempt: job.runAttempt,
    name: job.name,
    status: job.status,
    conclusion: job.conclusion,
    created_at: job.createdAt,
    started_at: job.startedAt,
    completed_at: job.completedAt,
    duration_seconds: secondsBetween(job.startedAt, job.completedAt),
    queue_seconds: secondsBetween(job.createdAt, job.startedAt),
    runner_name: job.runnerName,
    html_url: job.htmlUrl,
  };
}

/** The words of a search, split like those of titles: letters and digits. */
function parseSearchWords(text: string): readonly string[] | undefined {
  const words = text.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.length > 0 && words.length <= MAX_WORDS ? words : undefined;
}

function pageOutOfRange(page: number, perPage: number): ParameterError {
  const last = Math.ceil(MAX_COUNTED_RUNS / perPage);
  return new ParameterError({
    name: "page",
    value: String(page),
    allowed: `1 to ${last}; to reach older runs, narrow the list by created=*..DAY`,
  });
}
