import type { Clock } from "../../clock.ts";
import { GitHubError } from "../../errors.ts";
import type { StoredEvent } from "../../feed/event.ts";
import { log } from "../../log.ts";
import type { Random } from "../../random.ts";
import type { RepositorySource, RepositoryStore } from "../../repository/repository.ts";
import { retryDelay } from "../github_rate_limit.ts";
import type { Run, RunSource, RunStore } from "../run.ts";
import type { Snapshot } from "../snapshot.ts";
import type { SnapshotBuilder, SnapshotSize } from "../snapshot_builder.ts";

interface PollCycleSize extends SnapshotSize {
  /** How many times runs are fetched before the repositories are listed again. */
  readonly fetches: number;
}

interface PollCycleOptions {
  readonly size: PollCycleSize;
  readonly clock: Clock;
  readonly random: Random;
  readonly repositories: RepositorySource;
  readonly runs: RunSource;
  readonly store: RunStore;
  readonly repositoryStore: RepositoryStore;
  readonly snapshotBuilder: SnapshotBuilder;
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/** Lists the repositories once, and then fetches their runs `fetches` times. */
export class PollCycle {
  readonly #options: PollCycleOptions;
  readonly #logger = log("poller");
  /** Repositories that are not accessible, across cycles, so that each is logged once. */
  readonly #excluded = new Set<string>();
  #fetched: number;

  constructor(options: PollCycleOptions) {
    this.#options = options;
    this.#fetched = options.size.fetches;
  }

  /** Fetches so far in this cycle. */
  get fetched(): number {
    return this.#fetched;
  }

  /** Whether the next step is to list the repositories. */
  get isOver(): boolean {
    return this.#fetched >= this.#options.size.fetches;
  }

  /** The maximum number of requests per poll. */
  get maxRequests(): number {
    return this.#options.size.repositories + 1;
  }

  reset(): void {
    this.#fetched = this.#options.size.fetches;
  }

  /**
   * Lists the repositories of the snapshot. While GitHub is unavailable it retries until `deadline`, in ms since the epoch.
   * @throws {GitHubError} if GitHub refuses
   */
  async list(deadline: number, signal: AbortSignal): Promise<void> {
    const { repositories, repositoryStore, snapshotBuilder, size, onEvents } = this.#options;
    const latest = await this.#retry(
      () => repositories.listRecentlyPushed(size.repositories, signal),
      {
        deadline,
        signal,
      },
    );
    onEvents(await repositoryStore.upsert(latest));
    snapshotBuilder.setRepositories(latest);
    this.#fetched = 0;
  }

  /**
   * Fetches the latest runs of each repository. A repository that is not accessible is left out until the next list; if one is
   * unavailable, the snapshot shows its stored runs.
   * @throws {GitHubError} if every repository is unavailable, or GitHub refuses all requests
   */
  async fetch(deadline: number, signal: AbortSignal): Promise<Snapshot> {
    this.#fetched++;
    let unavailable: GitHubError | undefined;
    let completed = 0;
    const { snapshotBuilder, clock } = this.#options;
    for (const repository of snapshotBuilder.repositoryNames) {
      try {
        await this.#retry(() => this.#refresh(repository, signal), { deadline, signal });
        completed++;
        this.#excluded.delete(repository);
      } catch (error) {
        if (!(error instanceof GitHubError)) throw error;
        if (error.failure.kind === "not_accessible") {
          completed++;
          this.#exclude(repository, error);
        } else if (error.failure.kind === "unavailable") {
          unavailable = error;
          this.#logger.warning("Showing the last known runs of {repository}: {reason}", {
            repository,
            reason: error.message,
          });
        } else throw error;
      }
    }
    if (unavailable && completed === 0) throw unavailable;
    return await snapshotBuilder.build(clock.now());
  }

  /** Fetches a stored run by ID if the list does not contain it: lists lag, and runs are deleted. */
  async #refresh(repository: string, signal: AbortSignal): Promise<void> {
    const { runs, store, size } = this.#options;
    const listed = await runs.latest(repository, size.runs, signal);
    await this.#save(listed);
    const ids = new Set(listed.map((run) => run.id));
    for (const { id } of await store.latest(repository, size.runs)) {
      if (ids.has(id)) continue;
      const run = await runs.byId(repository, id, signal);
      if (run) await this.#save([run]);
      else await store.remove(id);
    }
  }

  async #save(runs: readonly Run[]): Promise<void> {
    this.#options.onEvents(await this.#options.store.put(runs));
  }

  #exclude(repository: string, error: GitHubError): void {
    this.#options.snapshotBuilder.exclude(repository);
    if (this.#excluded.has(repository)) return;
    this.#excluded.add(repository);
    this.#logger.warning("Leaving out {repository}: {reason}", {
      repository,
      reason: error.message,
    });
  }

  async #retry<T>(
    request: () => Promise<T>,
    { deadline, signal }: { deadline: number; signal: AbortSignal },
  ): Promise<T> {
    const { clock, random } = this.#options;
    for (let attempt = 0;; attempt++) {
      try {
        return await request();
      } catch (error) {
        const delay = retryDelay(attempt, random);
        const isRetryable = error instanceof GitHubError && error.failure.kind === "unavailable";
        if (!isRetryable || clock.now() + delay >= deadline) throw error;
        await clock.sleep(delay, signal);
        signal.throwIfAborted();
      }
    }
  }
}
