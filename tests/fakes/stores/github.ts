import { systemClock } from "../../../src/clock.ts";
import { GitHubError, type GitHubFailure, isGlobal } from "../../../src/errors.ts";
import type { Repository, RepositorySource } from "../../../src/repository/repository.ts";
import { RateLimitGate } from "../../../src/github/rate_limit_gate.ts";
import { LOW_SHARE } from "../../../src/run/github_rate_limit.ts";
import { newestFirst, type Run, type RunSource } from "../../../src/run/run.ts";

/** A source of repositories and runs whose data, delays and failures a test sets. */
export class FakeGitHub implements RepositorySource, RunSource {
  /** The requests: `list`, `runs owner/name` or `run ID`. */
  readonly requests: { readonly at: number; readonly endpoint: string }[] = [];
  repositories: string[] = [];
  runs: Run[] = [];
  /** Existing runs that lists omit. */
  unlisted = new Set<number>();
  /** The duration of each response. */
  delayMs = 0;
  /** Failures by endpoint or its prefix. */
  readonly failures = new Map<string, GitHubFailure>();
  readonly gate = new RateLimitGate({ clock: systemClock, random: () => 0 });
  /** Whether it refuses requests while the gate is closed, as `GitHub.background()` does. */
  isBackground = false;

  get endpoints(): string[] {
    return this.requests.map(({ endpoint }) => endpoint);
  }

  async listRecentlyPushed(count: number, signal: AbortSignal): Promise<readonly Repository[]> {
    await this.#respond("list", signal);
    return this.repositories.slice(0, count).map((fullName, index) => ({
      id: index + 1,
      fullName,
      pushedAt: null,
    }));
  }

  async latest(repository: string, count: number, signal: AbortSignal): Promise<readonly Run[]> {
    await this.#respond(`runs ${repository}`, signal);
    return this.runs.filter((run) => run.repository === repository && !this.unlisted.has(run.id))
      .sort(newestFirst).slice(0, count);
  }

  async byId(_repository: string, id: number, signal: AbortSignal): Promise<Run | undefined> {
    await this.#respond(`run ${id}`, signal);
    return this.runs.find((run) => run.id === id);
  }

  async #respond(endpoint: string, signal: AbortSignal): Promise<void> {
    if (this.isBackground) this.gate.assertOpen(LOW_SHARE);
    this.requests.push({ at: systemClock.now(), endpoint });
    if (this.delayMs > 0) await systemClock.sleep(this.delayMs, signal);
    signal.throwIfAborted();
    for (const [prefix, failure] of this.failures) {
      if (!endpoint.startsWith(prefix)) continue;
      // The list is a resource of the credential itself.
      const isCredential = endpoint === "list" && failure.kind === "not_accessible";
      const error = new GitHubError(
        isCredential ? { kind: "unauthorized" } : failure,
        `GitHub refused ${endpoint}`,
      );
      if (isGlobal(error.failure)) this.gate.onFailure(error);
      throw error;
    }
    this.gate.onSuccess();
  }
}

/** A run with default values. */
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
