import type { Clock } from "../clock.ts";
import { type GitHubError, GitHubPausedError } from "../errors.ts";
import { log } from "../log.ts";
import type { Random } from "../random.ts";
import {
  backoffUntil,
  type GitHubBackoff,
  type GitHubQuota,
  type GitHubRateLimit,
  reservedUntil,
} from "../run/github_rate_limit.ts";

/** The shortest pause, even if the time that GitHub names has passed. */
const MIN_PAUSE_MS = 1_000;
/** A failure this soon after a pause continues the row of failures, even if another request succeeded in between. */
const ROW_GAP_MS = 10_000;

/**
 * Decides whether a request may be sent with Runwire's credential. A rate limit or a rejected credential closes the gate: until
 * the time that GitHub names, otherwise for at least a minute, growing exponentially with each failure in a row.
 */
export class RateLimitGate implements GitHubQuota {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger = log("github");
  #rateLimit: GitHubRateLimit | undefined;
  #lastFailure: GitHubError | undefined;
  #closedUntil = -Infinity;
  #failures = 0;
  #hasSucceeded = false;
  #lastNow = -Infinity;

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock;
    this.#random = random;
  }

  get rateLimit(): GitHubRateLimit | undefined {
    return this.#rateLimit;
  }

  get backoff(): GitHubBackoff | undefined {
    const error = this.#lastFailure;
    if (!error || this.#now() >= this.#closedUntil) return undefined;
    const reason = error.failure.kind === "unauthorized" ? "unauthorized" : "rate_limited";
    return { until: this.#closedUntil, reason };
  }

  /**
   * Call this before a request that no client waits for.
   * @throws {GitHubPausedError} while the gate is closed, or less than `reservedShare` of the rate limit is left
   */
  assertOpen(reservedShare: number): void {
    const { backoff } = this;
    const error = this.#lastFailure;
    if (backoff && error) {
      throw new GitHubPausedError(backoff.until, error.failure, error.message);
    }
    const now = this.#now();
    const until = reservedUntil(this.#rateLimit, { now, share: reservedShare });
    if (until === undefined) return;
    const message = "The rest of the rate limit is reserved for other tasks";
    throw new GitHubPausedError(until, { kind: "rate_limited", retryAt: until }, message);
  }

  /** Call this with the rate limit that a response reports. */
  onRateLimit(rateLimit: GitHubRateLimit): void {
    this.#rateLimit = rateLimit;
  }

  /** Call this when a request succeeded. */
  onSuccess(): void {
    this.#hasSucceeded = true;
  }

  /** Call this when a request failed for a reason that holds for every request. */
  onFailure(error: GitHubError): void {
    const now = this.#now();
    const continuesRow = !this.#hasSucceeded || now < this.#closedUntil + ROW_GAP_MS;
    if (!continuesRow) this.#failures = 0;
    const until = backoffUntil(error.failure, this.#failures++, { now, random: this.#random });
    this.#closedUntil = Math.max(this.#closedUntil, until, now + MIN_PAUSE_MS);
    this.#lastFailure = error;
    this.#hasSucceeded = false;
    this.#logger.warning("Backing off from GitHub until {until}: {reason}", {
      until: new Date(this.#closedUntil).toISOString(),
      reason: error.message,
    });
  }

  /** A system clock that was set back must not make the pause longer. */
  #now(): number {
    const now = this.#clock.now();
    this.#closedUntil -= Math.max(0, this.#lastNow - now);
    this.#lastNow = now;
    return now;
  }
}
