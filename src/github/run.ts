import { z } from "zod";
import { GitHubError } from "../errors.ts";
import type {
  BackfillPage,
  HistoricalRunSource,
  TimeRange,
} from "../run/backfill/backfill_progress.ts";
import type { Run, RunSource } from "../run/run.ts";
import type { GitHubClient } from "./github_client.ts";
import { parseFullName } from "./repository.ts";
import { ResponseCache } from "./response_cache.ts";

const RUNS_PATH = "/repos/{owner}/{repo}/actions/runs";
const SECOND_MS = 1_000;

const time = z.iso.datetime({ offset: true });

/**
 * The used fields of GitHub's `workflow-run`, the same in REST responses and webhooks. Many fields that GitHub's schema calls
 * required may be `null` or missing; status, conclusion and event may have new values.
 * https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
 */
export const runSchema = z.object({
  id: z.int(),
  repository: z.object({ full_name: z.string() }),
  workflow_id: z.int(),
  name: z.string().nullish(),
  path: z.string(),
  display_title: z.string().nullish(),
  event: z.string(),
  status: z.string().nullish(),
  conclusion: z.string().nullish(),
  head_branch: z.string().nullish(),
  head_sha: z.string(),
  actor: z.object({ login: z.string() }).nullish(),
  run_number: z.int(),
  run_attempt: z.int().nullish(),
  created_at: time,
  run_started_at: time.nullish(),
  updated_at: time,
  html_url: z.string(),
});

const polledRunSchema = runSchema.transform((run) => toRun(run, "poll"));
const polledRunsSchema = z.object({ workflow_runs: z.array(polledRunSchema) })
  .transform(({ workflow_runs }) => workflow_runs);

const historicalRunsSchema = z.object({
  total_count: z.int(),
  workflow_runs: z.array(polledRunSchema),
})
  .transform(({ total_count, workflow_runs }) => ({ total: total_count, runs: workflow_runs }));

export class GitHubRuns implements RunSource, HistoricalRunSource {
  readonly #github: GitHubClient;
  readonly #caches: ReturnType<typeof createCaches>;

  constructor(github: GitHubClient, caches = createCaches()) {
    this.#github = github;
    this.#caches = caches;
  }

  /** The same runs through another client, for example a background client. Both share their cached responses. */
  withClient(github: GitHubClient): GitHubRuns {
    return new GitHubRuns(github, this.#caches);
  }

  /** Uses no filters, because GitHub's filtered lists sometimes lack the newest runs. */
  async latest(repository: string, count: number, signal: AbortSignal): Promise<readonly Run[]> {
    return await this.#github.list(this.#caches.lists, RUNS_PATH, {
      parameters: parseFullName(repository),
      count,
      signal,
    });
  }

  async listCreated(
    repository: string,
    { range, next }: { readonly range: TimeRange; readonly next?: string | undefined },
    signal: AbortSignal,
  ): Promise<BackfillPage> {
    const first = { ...parseFullName(repository), created: toCreatedQuery(range), per_page: 100 };
    const page = next === undefined
      ? await this.#github.get(this.#caches.historical, RUNS_PATH, { parameters: first, signal })
      : await this.#github.get(this.#caches.historical, next, { signal });
    assertCreatedWithin(range, page.value.runs);
    return { ...page.value, next: page.next };
  }

  async byId(repository: string, id: number, signal: AbortSignal): Promise<Run | undefined> {
    try {
      const parameters = { ...parseFullName(repository), run_id: id };
      const path = "/repos/{owner}/{repo}/actions/runs/{run_id}";
      return (await this.#github.get(this.#caches.single, path, { parameters, signal })).value;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function createCaches() {
  return {
    lists: new ResponseCache<readonly Run[]>(polledRunsSchema),
    single: new ResponseCache<Run>(polledRunSchema),
    /** Each page is requested once. */
    historical: new ResponseCache<Omit<BackfillPage, "next">>(historicalRunsSchema, 0),
  };
}

/** GitHub's range includes both ends, in whole seconds. */
function toCreatedQuery({ from, to }: TimeRange): string {
  return [from, to - SECOND_MS].map((ms) => new Date(ms).toISOString().replace(".000Z", "Z"))
    .join("..");
}

/** A server that ignores the range would cause one request per second of history. */
function assertCreatedWithin({ from, to }: TimeRange, runs: readonly Run[]): void {
  const isInRange = ({ createdAt }: Run) =>
    Date.parse(createdAt) >= from && Date.parse(createdAt) < to;
  if (runs.length === 0 || runs.some(isInRange)) return;
  const message = `GitHub lists runs that were not created in ${toCreatedQuery({ from, to })}`;
  throw new GitHubError({ kind: "unavailable" }, message);
}

export function toRun(run: z.infer<typeof runSchema>, source: Run["source"]): Run {
  const workflowName = run.name ?? run.path;
  return {
    id: run.id,
    repository: run.repository.full_name,
    workflowId: run.workflow_id,
    workflowName,
    displayTitle: run.display_title ?? workflowName,
    event: run.event,
    status: run.status ?? null,
    conclusion: run.conclusion ?? null,
    branch: run.head_branch ?? null,
    headSha: run.head_sha,
    actor: run.actor?.login ?? null,
    runNumber: run.run_number,
    runAttempt: run.run_attempt ?? 1,
    createdAt: run.created_at,
    startedAt: run.run_started_at ?? null,
    updatedAt: run.updated_at,
    htmlUrl: run.html_url,
    source,
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof GitHubError && error.failure.kind === "not_accessible" &&
    error.failure.status === 404;
}
