import { systemClock } from "../../src/clock.ts";
import { type Refusal, RefusedError } from "../../src/errors.ts";
import type { Repository, RepositorySource } from "../../src/repository/repository.ts";
import { newestFirst, type Run, type RunSource } from "../../src/run/run.ts";

/** A source of repositories and runs that a test holds in its hand: state, delays and refusals. */
export class FakeGitHub implements RepositorySource, RunSource {
  /** Everything that was asked: `list`, `runs owner/name` or `run ID`. */
  readonly asked: { readonly at: number; readonly what: string }[] = [];
  repositories: string[] = [];
  runs: Run[] = [];
  /** Runs that lists do not show, though they exist. */
  unlisted = new Set<number>();
  /** How long each answer takes. */
  delayMs = 0;
  /** What refuses, by `what` or its beginning. */
  readonly refusals = new Map<string, Refusal>();

  get questions(): string[] {
    return this.asked.map(({ what }) => what);
  }

  async listRecentlyPushed(count: number, signal: AbortSignal): Promise<readonly Repository[]> {
    await this.#answer("list", signal);
    return this.repositories.slice(0, count).map((fullName, index) => ({
      id: index + 1,
      fullName,
      pushedAt: null,
    }));
  }

  async latest(repository: string, count: number, signal: AbortSignal): Promise<readonly Run[]> {
    await this.#answer(`runs ${repository}`, signal);
    return this.runs.filter((run) => run.repository === repository && !this.unlisted.has(run.id))
      .sort(newestFirst).slice(0, count);
  }

  async byId(_repository: string, id: number, signal: AbortSignal): Promise<Run | undefined> {
    await this.#answer(`run ${id}`, signal);
    return this.runs.find((run) => run.id === id);
  }

  async #answer(what: string, signal: AbortSignal): Promise<void> {
    this.asked.push({ at: systemClock.now(), what });
    if (this.delayMs > 0) await systemClock.sleep(this.delayMs, signal);
    signal.throwIfAborted();
    for (const [beginning, refusal] of this.refusals) {
      if (what.startsWith(beginning)) throw new RefusedError(refusal, `GitHub refused ${what}`);
    }
  }
}

/** A run that has nothing special about it. */
export function aRun(fields: Partial<Run> = {}): Run {
  return {
    id: 1,
    repository: "octo/a",
    workflowId: 7,
    workflowName: "CI",
    displayTitle: "Fix the build",
    event: "push",
    status: "queued",
    conclusion: null,
    branch: "main",
    headSha: "0123456789012345678901234567890123456789",
    actor: "octocat",
    runNumber: 1,
    runAttempt: 1,
    createdAt: "2026-01-01T00:00:00Z",
    startedAt: "2026-01-01T00:00:00Z",
    updatedAt: "2026-01-01T00:00:00Z",
    htmlUrl: "https://github.com/octo/a/actions/runs/1",
    source: "poll",
    ...fields,
  };
}
