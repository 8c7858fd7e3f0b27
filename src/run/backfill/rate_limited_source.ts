import type { Clock } from "../../clock.ts";
import { GitHubError } from "../../errors.ts";
import type { BackfillPage, HistoricalRunSource } from "./backfill_progress.ts";
import { backoffUntil, retryDelay } from "../github_rate_limit.ts";
import type { Random } from "../../random.ts";

/** About a minute in all. */
const MAX_RETRIES = 6;
/** How often to look whether a wait is over: budgets change, clocks are set. */
const CHECK_INTERVAL_MS = 60_000;

export interface RateLimitedSourceOptions {
  readonly source: HistoricalRunSource;
  readonly clock: Clock;
  readonly random: Random;
  /** Until when (ms since the epoch) to ask for nothing that can wait; `undefined` or past when it may be asked. */
  readonly pausedUntil: () => number | undefined;
  /** Told until when GitHub is left alone, and why where GitHub itself said so. */
  readonly onWait: (until: number, error?: GitHubError) => void;
}

/**
 * A source that waits while the budget is low or GitHub limits us, however long that takes, and asks again for what is
 * unavailable, a few times. Anything else that GitHub refuses is the caller's affair.
 */
export class RateLimitedSource implements HistoricalRunSource {
  readonly #options: RateLimitedSourceOptions;
  #rateLimitFailures = 0;

  constructor(options: RateLimitedSourceOptions) {
    this.#options = options;
  }

  async listCreated(
    ...query: Parameters<HistoricalRunSource["listCreated"]>
  ): Promise<BackfillPage> {
    const [, , signal] = query;
    const { source, clock, random } = this.#options;
    for (let failures = 0;;) {
      await this.#waitWhilePaused(signal);
      try {
        const page = await source.listCreated(...query);
        this.#rateLimitFailures = 0;
        return page;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof GitHubError)) throw error;
        const { kind } = error.failure;
        if (kind === "rate_limited") await this.#waitForReset(error, signal);
        else if (kind === "unavailable" && failures < MAX_RETRIES) {
          await clock.sleep(retryDelay(failures++, random), signal);
        } else throw error;
      }
    }
  }

  /** Waits while there is something that is more urgent. */
  async #waitWhilePaused(signal: AbortSignal): Promise<void> {
    const { clock, pausedUntil, onWait } = this.#options;
    let reportedUntil: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      const until = pausedUntil();
      const remaining = (until ?? 0) - clock.now();
      if (until === undefined || remaining <= 0) return;
      if (until !== reportedUntil) onWait(reportedUntil = until);
      await clock.sleep(Math.min(remaining, CHECK_INTERVAL_MS), signal);
    }
  }

  async #waitForReset(error: GitHubError, signal: AbortSignal): Promise<void> {
    const { clock, random, onWait } = this.#options;
    const now = clock.now();
    const until = backoffUntil(error.failure, this.#rateLimitFailures++, { now, random });
    onWait(until, error);
    await clock.sleep(until - now, signal);
  }
}
