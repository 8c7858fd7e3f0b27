import type { Clock } from "../../clock.ts";
import { GitHubError, GitHubPausedError } from "../../errors.ts";
import type { Random } from "../../random.ts";
import { retryDelay } from "../github_rate_limit.ts";
import type { BackfillPage, HistoricalRunSource } from "./backfill_progress.ts";

/** About a minute in total. */
const MAX_RETRIES = 6;
/** How often to try again during a pause, which may end early: the rate limit changes, clocks are set. */
const CHECK_INTERVAL_MS = 60_000;

interface RateLimitedSourceOptions {
  /** Must throw GitHubPausedError while GitHub is rate limited. */
  readonly source: HistoricalRunSource;
  readonly clock: Clock;
  readonly random: Random;
  /** Called once for each pause. */
  readonly onPause?: (pause: GitHubPausedError) => void;
}

/** Waits out every pause of its source, and retries a few times while GitHub is unavailable. Throws all other errors. */
export class RateLimitedSource implements HistoricalRunSource {
  readonly #options: RateLimitedSourceOptions;

  constructor(options: RateLimitedSourceOptions) {
    this.#options = options;
  }

  async listCreated(
    ...query: Parameters<HistoricalRunSource["listCreated"]>
  ): Promise<BackfillPage> {
    const [, , signal] = query;
    const { source, clock, random, onPause } = this.#options;
    let pausedUntil: number | undefined;
    for (let failures = 0;;) {
      signal.throwIfAborted();
      try {
        return await source.listCreated(...query);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof GitHubPausedError) {
          if (error.until !== pausedUntil) onPause?.(error);
          pausedUntil = error.until;
          await clock.sleep(Math.min(error.until - clock.now(), CHECK_INTERVAL_MS), signal);
        } else if (isUnavailable(error) && failures < MAX_RETRIES) {
          await clock.sleep(retryDelay(failures++, random), signal);
        } else if (!isRateLimited(error)) throw error;
      }
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof GitHubError && error.failure.kind === "unavailable";
}

/** The next request throws GitHubPausedError. */
function isRateLimited(error: unknown): boolean {
  return error instanceof GitHubError && error.failure.kind === "rate_limited";
}
