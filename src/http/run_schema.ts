import { z } from "@hono/zod-openapi";

/** A time as GitHub writes it. */
export const GitHubTime = z.string().openapi({
  format: "date-time",
  example: "2026-01-31T09:00:00Z",
});

const Seconds = z.int().min(0);

/** What is the same of runs, attempts and jobs. GitHub may add to its words. */
const StatusFields = {
  status: z.string().nullable().openapi({ example: "completed" }),
  conclusion: z.string().nullable().openapi({ example: "success" }),
};

/** A run as it is in events, too. */
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
  actor: z.string().nullable().openapi({ description: "A login", example: "octocat" }),
  run_number: z.int().openapi({ example: 42 }),
  run_attempt: z.int().openapi({ example: 1 }),
  created_at: GitHubTime,
  started_at: GitHubTime.nullable(),
  updated_at: GitHubTime,
  duration_seconds: Seconds.nullable().openapi({
    description: "From start to end; `null` until the run has ended",
    example: 93,
  }),
  html_url: z.string().openapi({ example: "https://github.com/octo/app/actions/runs/20123456789" }),
}).openapi("Run");

const AttemptSchema = z.object({
  run_attempt: z.int().openapi({ example: 1 }),
  ...StatusFields,
  started_at: GitHubTime.nullable(),
  updated_at: GitHubTime,
  duration_seconds: Seconds.nullable(),
}).openapi("Attempt");

const JobSchema = z.object({
  id: z.int(),
  run_attempt: z.int().openapi({ example: 1 }),
  name: z.string().openapi({ example: "build (ubuntu-latest)" }),
  ...StatusFields,
  created_at: GitHubTime.nullable(),
  started_at: GitHubTime.nullable(),
  completed_at: GitHubTime.nullable(),
  duration_seconds: Seconds.nullable(),
  queue_seconds: Seconds.nullable().openapi({ description: "From creation to start" }),
  runner_name: z.string().nullable(),
  html_url: z.string().nullable(),
}).openapi("Job");

/** A run with everything that is kept of it. */
export const RunDetailSchema = RunSchema.extend({
  attempts: z.array(AttemptSchema).openapi({ description: "Those we heard of, the first first" }),
  jobs: z.array(JobSchema).openapi({ description: "Those we heard of, of all attempts" }),
}).openapi("RunDetail");

export type AttemptJson = z.infer<typeof AttemptSchema>;
export type JobJson = z.infer<typeof JobSchema>;
