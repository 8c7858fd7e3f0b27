import { z } from "@hono/zod-openapi";
import { invalidValue } from "../../error_text.ts";
import { durationSeconds, secondsBetween, toRunData } from "../../run/event.ts";
import { type Job, MAX_COUNTED_RUNS, type RunAttempt, type RunHistory } from "../../run/history.ts";
import type { Run } from "../../run/run.ts";
import { type Api, apiRoute, DATA_SERVERS, newApi, ok } from "../api.ts";
import { DATE_RANGE_FORMS, parseDateRange } from "../date_range.ts";
import { listFields, okWithLinks, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import {
  enumParam,
  idParam,
  nameParam,
  paramsSchema,
  parsedParam,
  repositoryNameParam,
  withDefault,
} from "../params.ts";
import { notFoundProblem, ProblemError } from "../problem.ts";
import { requires } from "../security.ts";
import { GitHubTimestamp } from "../timestamp.ts";

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
/** The most words of a search. */
const MAX_WORDS = 10;

const Seconds = z.int().min(0);

/** The fields of runs, attempts and jobs alike. Not enums, because GitHub may add values. */
const StatusFields = {
  status: z.string().nullable().openapi({ example: "completed" }),
  conclusion: z.string().nullable().openapi({ example: "success" }),
};

/** A run, here and in events. */
export const RunSchema = z.object({
  id: z.int().openapi({ example: 20123456789 }),
  repository: z.string().openapi({ example: "octo/app" }),
  workflow_id: z.int().openapi({ example: 161335 }),
  workflow_name: z.string().openapi({ example: "CI" }),
  display_title: z.string().openapi({ example: "Fix the build" }),
  event: z.string().openapi({ example: "push" }),
  ...StatusFields,
  branch: z.string().nullable().openapi({ example: "main" }),
  head_sha: z.string().openapi({ example: "009b8a3a9ccbb128af87f9b1c0f4c62e8a304f6d" }),
  actor: z.string().nullable().openapi({ description: "GitHub login", example: "octocat" }),
  run_number: z.int().openapi({ example: 42 }),
  run_attempt: z.int().openapi({ example: 1 }),
  created_at: GitHubTimestamp,
  started_at: GitHubTimestamp.nullable(),
  updated_at: GitHubTimestamp,
  duration_seconds: Seconds.nullable().openapi({
    description: "Time from start to end; `null` while the run is not completed",
    example: 93,
  }),
  html_url: z.string().openapi({ example: "https://github.com/octo/app/actions/runs/20123456789" }),
}).openapi("Run");

const AttemptSchema = z.object({
  run_attempt: z.int().openapi({ example: 1 }),
  ...StatusFields,
  started_at: GitHubTimestamp.nullable(),
  updated_at: GitHubTimestamp,
  duration_seconds: Seconds.nullable(),
}).openapi("Attempt");

const JobSchema = z.object({
  id: z.int(),
  run_attempt: z.int().openapi({ example: 1 }),
  name: z.string().openapi({ example: "build (ubuntu-latest)" }),
  ...StatusFields,
  created_at: GitHubTimestamp.nullable(),
  started_at: GitHubTimestamp.nullable(),
  completed_at: GitHubTimestamp.nullable(),
  duration_seconds: Seconds.nullable(),
  queue_seconds: Seconds.nullable().openapi({ description: "Time from creation to start" }),
  runner_name: z.string().nullable(),
  html_url: z.string().nullable(),
}).openapi("Job");

const RunDetailSchema = RunSchema.extend({
  attempts: z.array(AttemptSchema).openapi({ description: "Known attempts, oldest first" }),
  jobs: z.array(JobSchema).openapi({ description: "Known jobs of all attempts" }),
}).openapi("RunDetail");

const RunListSchema = z.object({
  ...listFields(RunSchema),
  total_count_capped: z.literal(true).optional().openapi({
    description: `There are ${MAX_COUNTED_RUNS} runs or more`,
  }),
}).openapi("RunList");

const LIST = apiRoute({
  operationId: "listRuns",
  tag: "runs",
  method: "get",
  path: "/runs",
  servers: DATA_SERVERS,
  access: requires("read"),
  summary: "List runs",
  description:
    `By creation, newest first. The list ends after ${MAX_COUNTED_RUNS} runs; \`total_count_capped\` is set if there may be more: narrow the list with \`created\`.`,
  query: paramsSchema({
    repository: repositoryNameParam({ description: "Filter by repository" }).optional(),
    workflow_id: idParam({ description: "Filter by workflow" }).optional(),
    status: enumParam(STATUSES, { description: "Filter by status" }).optional(),
    conclusion: enumParam(CONCLUSIONS, { description: "Filter by conclusion" }).optional(),
    event: nameParam({ description: "Filter by triggering event", example: "push" }).optional(),
    branch: nameParam({ description: "Filter by branch", example: "main" }).optional(),
    actor: nameParam({ description: "Filter by login of the actor", example: "octocat" })
      .optional(),
    created: parsedParam(parseDateRange, {
      expected: DATE_RANGE_FORMS,
      description: "Filter by creation time, both ends included",
      example: "2026-01-01..2026-01-31",
    }).optional(),
    q: parsedParam(parseSearchWords, {
      expected: `up to ${MAX_WORDS} words, at least one with a letter or digit`,
      description: "Words matched as title prefixes, case-insensitive",
      example: "fix build",
    }).optional(),
    sort: withDefault(enumParam(["created"], { description: "Sort field" }), "created"),
    direction: withDefault(
      enumParam(["asc", "desc"], { description: "Sort direction; `desc`: newest first" }),
      "desc",
    ),
    ...PAGE_PARAMETERS,
  }),
  returns: okWithLinks(RunListSchema, "Runs"),
});

const DETAIL = apiRoute({
  operationId: "getRun",
  tag: "runs",
  method: "get",
  path: "/runs/{id}",
  servers: DATA_SERVERS,
  access: requires("read"),
  summary: "Get a run with its attempts and jobs",
  params: paramsSchema({ id: idParam({ description: "GitHub run ID" }) }),
  returns: ok(RunDetailSchema, "The run"),
  problems: ["not_found"],
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
      items: runs.map(toRunData),
    }, 200);
  });
  api.openapi(DETAIL, async (context) => {
    const { id } = context.req.valid("param");
    const detail = await history.detail(id, await context.get("principal").visibility());
    if (!detail) throw notFoundProblem("Run", id);
    const { run, attempts, jobs } = detail;
    return context.json({
      ...toRunData(run),
      attempts: attempts.map((attempt) => toAttemptJson(run, attempt)),
      jobs: jobs.map(toJobJson),
    }, 200);
  });
  return api;
}

function toAttemptJson({ createdAt }: Run, attempt: RunAttempt): z.infer<typeof AttemptSchema> {
  return {
    run_attempt: attempt.runAttempt,
    status: attempt.status,
    conclusion: attempt.conclusion,
    started_at: attempt.startedAt,
    updated_at: attempt.updatedAt,
    duration_seconds: durationSeconds({ ...attempt, createdAt }),
  };
}

function toJobJson(job: Job): z.infer<typeof JobSchema> {
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

/** The words of a search, split at the same characters as titles. */
function parseSearchWords(text: string): readonly string[] | undefined {
  const words = text.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.length > 0 && words.length <= MAX_WORDS ? words : undefined;
}

function pageOutOfRange(page: number, perPage: number): ProblemError {
  const last = Math.ceil(MAX_COUNTED_RUNS / perPage);
  const expected =
    `an integer from 1 to ${last}; to reach older runs, narrow the list with created=*..DAY`;
  return new ProblemError("invalid_parameter", invalidValue("page", String(page), expected));
}
