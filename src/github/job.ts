import { z } from "zod";
import type { Job } from "../run/history.ts";
import type { AttemptId, JobSource } from "../run/polling/job_collector.ts";
import type { GitHubClient } from "./github_client.ts";
import { parseFullName } from "./repository.ts";
import { ResponseCache } from "./response_cache.ts";

const time = z.iso.datetime({ offset: true });

/**
 * The used fields of GitHub's `job`, the same in REST responses and webhooks.
 * https://docs.github.com/en/rest/actions/workflow-jobs#get-a-job-for-a-workflow-run
 */
export const jobSchema = z.object({
  id: z.int(),
  run_id: z.int(),
  run_attempt: z.int().nullish(),
  name: z.string(),
  status: z.string().nullish(),
  conclusion: z.string().nullish(),
  created_at: time.nullish(),
  started_at: time.nullish(),
  completed_at: time.nullish(),
  runner_name: z.string().nullish(),
  html_url: z.string().nullish(),
});

const jobListSchema = z.object({ jobs: z.array(jobSchema.transform(toJob)) })
  .transform(({ jobs }) => jobs);

/** Each list is requested once. */
const MAX_CACHED_RESPONSES = 1;

export class GitHubJobs implements JobSource {
  readonly #github: GitHubClient;
  readonly #lists = new ResponseCache<readonly Job[]>(jobListSchema, MAX_CACHED_RESPONSES);

  constructor(github: GitHubClient) {
    this.#github = github;
  }

  /** https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run-attempt */
  async listForAttempt(
    { id, repository, runAttempt }: AttemptId,
    signal: AbortSignal,
  ): Promise<readonly Job[]> {
    const path = "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs";
    const parameters = { ...parseFullName(repository), run_id: id, attempt_number: runAttempt };
    return await this.#github.list(this.#lists, path, { parameters, count: Infinity, signal });
  }
}

/** A waiting job has no start time: GitHub's is its time of creation. */
export function toJob(job: z.infer<typeof jobSchema>): Job {
  const hasStarted = job.status === "in_progress" || job.status === "completed";
  return {
    id: job.id,
    runId: job.run_id,
    runAttempt: job.run_attempt ?? 1,
    name: job.name,
    status: job.status ?? null,
    conclusion: job.conclusion ?? null,
    createdAt: job.created_at ?? null,
    startedAt: hasStarted ? job.started_at ?? null : null,
    completedAt: job.completed_at ?? null,
    runnerName: job.runner_name ?? null,
    htmlUrl: job.html_url ?? null,
  };
}
