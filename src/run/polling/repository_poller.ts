import type { Clock } from "../../clock.ts";
import { GitHubError, GitHubPausedError, StorageError } from "../../errors.ts";
import type { StoredEvent } from "../../feed/event.ts";
import { log } from "../../log.ts";
import type { Random } from "../../random.ts";
import type { FollowStore } from "../../repository/follow_store.ts";
import { type GitHubRateLimit, retryDelay } from "../github_rate_limit.ts";
import type { RunSource, RunStore } from "../run.ts";
import { LatestRunsFetcher } from "./latest_runs.ts";
import { requestSpacing } from "./poll_interval.ts";
import { afterPoll, initialPollState, nextPollAt, type PollState } from "./poll_state.ts";

/** How often to reload the followed repositories, which other instances and webhooks may change. */
const REFRESH_INTERVAL_MS = 30_000;
const MAX_RETRY_MS = 5 * 60_000;
/** The minimum time between two writes of when a repository was polled. */
const SAVE_INTERVAL_MS = 60_000;

interface RepositoryPollerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly followStore: Pick<FollowStore, "listFollowed" | "recordPoll">;
  readonly runs: RunSource;
  readonly store: RunStore;
  readonly rateLimit: () => GitHubRateLimit | undefined;
  /** The points of the rate limit that other tasks may need in the next `ms`. */
  readonly reservedPoints: (ms: number) => number;
  /** Whether Runwire accepts webhooks. */
  readonly webhooksEnabled: boolean;
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/**
 * Polls the runs of followed repositories, with or without clients: active repositories often and quiet ones rarely, one at a
 * time, as far as the rate limit allows.
 */
export class RepositoryPoller {
  readonly #options: RepositoryPollerOptions;
  readonly #fetcher: LatestRunsFetcher;
  readonly #logger = log("follow");
  /** By repository ID. */
  #states = new Map<number, PollState>();
  #refreshedAt = -Infinity;
  #requestedAt = -Infinity;
  #failures = 0;
  #retryAt = -Infinity;
  #wakeUp = new AbortController();

  constructor(options: RepositoryPollerOptions) {
    this.#options = options;
    this.#fetcher = new LatestRunsFetcher(options);
  }

  /** The number of followed repositories, as last loaded. */
  get size(): number {
    return this.#states.size;
  }

  /** Reloads the followed repositories at once. */
  wake(): void {
    this.#refreshedAt = -Infinity;
    this.#wakeUp.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const wakeUp = this.#wakeUp = new AbortController();
      const delay = await this.#step(signal);
      await this.#options.clock.sleep(delay, AbortSignal.any([signal, wakeUp.signal]));
    }
  }

  /** Polls the repository that is due first, if one is due. Returns the time to sleep, in ms. */
  async #step(signal: AbortSignal): Promise<number> {
    const { clock } = this.#options;
    try {
      await this.#refreshRepositories();
      const next = this.#next();
      if (!next) return REFRESH_INTERVAL_MS;
      const wait = Math.max(nextPollAt(next, this.#options), this.#nextRequestAt()) - clock.now();
      if (wait > 0) return Math.min(wait, this.#refreshedAt + REFRESH_INTERVAL_MS - clock.now());
      await this.#poll(next, signal);
      this.#failures = 0;
      return 0;
    } catch (error) {
      if (signal.aborted) return 0;
      if (!(error instanceof GitHubError || error instanceof StorageError)) throw error;
      return this.#backOff(error);
    }
  }

  async #refreshRepositories(): Promise<void> {
    const { clock, followStore } = this.#options;
    const now = clock.now();
    // A system clock that was set back must not make the wait longer.
    if (now < this.#requestedAt) this.#reset();
    if (now - this.#refreshedAt < REFRESH_INTERVAL_MS) return;
    this.#refreshedAt = now;
    const repositories = await followStore.listFollowed();
    this.#states = new Map(repositories.map((repository) => {
      const existing = this.#states.get(repository.id) ?? initialPollState(repository);
      return [repository.id, { ...existing, repository }];
    }));
  }

  #reset(): void {
    this.#refreshedAt = this.#requestedAt = this.#retryAt = -Infinity;
    this.#states.clear();
  }

  #next(): PollState | undefined {
    const scheduledAt = (state: PollState) => nextPollAt(state, this.#options);
    return [...this.#states.values()].reduce<PollState | undefined>(
      (first, each) => first && scheduledAt(first) <= scheduledAt(each) ? first : each,
      undefined,
    );
  }

  #nextRequestAt(): number {
    const { clock, rateLimit, reservedPoints } = this.#options;
    const spacing = requestSpacing(rateLimit(), { reservedPoints, now: clock.now() });
    return spacing === Infinity ? Infinity : Math.max(this.#requestedAt + spacing, this.#retryAt);
  }

  async #poll(state: PollState, signal: AbortSignal): Promise<void> {
    const { clock, followStore } = this.#options;
    const { repository } = state;
    this.#requestedAt = clock.now();
    // If this fails, other repositories come first.
    this.#states.set(repository.id, { ...state, polledAt: this.#requestedAt });
    const updated = await this.#fetchState(state, signal).catch((error) => {
      if (error instanceof GitHubPausedError) this.#states.set(repository.id, state);
      throw error;
    });
    const { error } = updated.repository;
    const savedAt = repository.polledAt ?? -Infinity;
    const isSaveDue = error !== repository.error || updated.polledAt - savedAt >= SAVE_INTERVAL_MS;
    if (isSaveDue) await followStore.recordPoll(repository.id, { at: updated.polledAt, error });
    const polledAt = isSaveDue ? updated.polledAt : repository.polledAt;
    this.#states.set(repository.id, {
      ...updated,
      repository: { ...updated.repository, polledAt },
    });
  }

  /** Returns the new state. A repository that is not accessible has an error. */
  async #fetchState(state: PollState, signal: AbortSignal): Promise<PollState> {
    const { clock, store, webhooksEnabled } = this.#options;
    const { repository } = state;
    try {
      const { latest, events } = await this.#fetcher.fetch(repository.fullName, signal);
      const [first] = webhooksEnabled ? await store.latest(repository.fullName, 1) : [];
      const hasWebhookEvents = first?.source === "webhook";
      return afterPoll(state, { latest, events, hasWebhookEvents, now: clock.now() });
    } catch (error) {
      if (!(error instanceof GitHubError) || error.failure.kind !== "not_accessible") throw error;
      if (repository.error === null) {
        this.#logger.warning("Cannot follow {repository}: {reason}", {
          repository: repository.fullName,
          reason: error.message,
        });
      }
      const failed = { ...repository, error: error.message };
      return { ...state, repository: failed, polledAt: clock.now() };
    }
  }

  /** Returns the time to sleep, in ms. */
  #backOff(error: GitHubError | StorageError): number {
    const { clock, random } = this.#options;
    if (error instanceof GitHubPausedError) {
      this.#retryAt = error.until;
      return Math.min(error.until - clock.now(), REFRESH_INTERVAL_MS);
    }
    const delay = Math.min(retryDelay(this.#failures++, random), MAX_RETRY_MS);
    this.#retryAt = clock.now() + delay;
    this.#logger.info("Polling followed repositories postponed: {reason}", {
      reason: error.message,
    });
    return Math.min(delay, REFRESH_INTERVAL_MS);
  }
}
