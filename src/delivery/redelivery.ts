import type { Clock } from "../clock.ts";
import { GitHubError, type GitHubFailure, isGlobal } from "../errors.ts";

/**
 * How far back GitHub can be asked to send again. A GitHub Enterprise Server can 7 days; 3 hold for both.
 * https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
 */
export const REDELIVERY_WINDOW_MS = 3 * 24 * 60 * 60 * 1_000;

/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests */
const REQUEST_INTERVAL_MS = 1_000;

/** What was asked for shows in GitHub's list only after a while; until then it is not asked for again. */
const REQUESTED_TTL_MS = 5 * 60 * 1_000;

/** Seven minutes of asking, and as many changes as GitHub may allow in an hour (500). */
const MAX_REQUESTS = 400;

/** So many refusals in a row are not about one delivery any more. */
const MAX_CONSECUTIVE_FAILURES = 3;

/** One time that GitHub sent a delivery, or tried to. */
export interface DeliveryAttempt {
  /** As the receiver knows the delivery: `X-GitHub-Delivery`, the same for each of its attempts. */
  readonly guid: string;
  /** Of this attempt; a string, for GitHub's are too long for a number. */
  readonly id: string;
  readonly event: string;
  readonly action: string | null;
  /** Milliseconds since the epoch. */
  readonly deliveredAt: number;
  readonly succeeded: boolean;
  /** The repository's hook that sent it; `null` for the hook of a GitHub App. */
  readonly webhook: { readonly repository: string; readonly id: number } | null;
}

/** The latest attempt of a delivery of which none succeeded. */
export type FailedDelivery = DeliveryAttempt;

/** What GitHub sent to us without success. Both are refused with a RefusedError. */
export interface DeliveryAttemptSource {
  /** The deliveries since `since` (ms since the epoch) that never arrived, the oldest first. */
  listFailed(since: number, signal: AbortSignal): Promise<readonly FailedDelivery[]>;
  /** Asks GitHub to send it once more. It does so a little later, under the same GUID. */
  redeliver(delivery: FailedDelivery, signal: AbortSignal): Promise<void>;
}

/** How far a sweep has come. */
export interface RedeliveryProgress {
  /** Deliveries that never arrived, less those that were asked for a moment ago. */
  readonly found: number;
  /** Those of them that GitHub will send again. */
  readonly requested: number;
}

export interface RedeliveryResult extends RedeliveryProgress {
  /** Those of them that a later sweep must ask for. */
  readonly remaining: number;
  /** Why the sweep ended before its end. */
  readonly failure?: GitHubFailure;
}

export interface RedeliveryOptions {
  /** How many are asked for at the most. */
  readonly limit?: number;
  readonly onProgress?: (progress: RedeliveryProgress) => void;
}

/**
 * Asks GitHub for what it could not deliver: it never sends again by itself.
 * https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
 *
 * `new Sweep({ attempts, clock })`
 */
export class Redelivery {
  readonly #attempts: DeliveryAttemptSource;
  readonly #clock: Clock;
  /** When each GUID was asked for, in ms since the epoch, the oldest first. */
  readonly #requestedAt = new Map<string, number>();

  constructor({ attempts, clock }: {
    readonly attempts: DeliveryAttemptSource;
    readonly clock: Clock;
  }) {
    this.#attempts = attempts;
    this.#clock = clock;
  }

  /**
   * One by one, the oldest first. It ends early, and says so, at a rate limit, at a credential that may not do this,
   * or when GitHub refuses several in a row; one that is refused alone is passed over, and left.
   * @throws {GitHubError} when GitHub does not tell what failed
   * @throws the signal's reason when it aborts
   */
  async run(
    signal: AbortSignal,
    { limit = MAX_REQUESTS, onProgress }: RedeliveryOptions = {},
  ): Promise<RedeliveryResult> {
    const deliveries = await this.#listUnrequested(signal);
    const found = deliveries.length;
    let requested = 0;
    let consecutiveFailures = 0;
    onProgress?.({ found, requested });
    for (const [i, delivery] of deliveries.slice(0, limit).entries()) {
      if (i > 0) await this.#clock.sleep(REQUEST_INTERVAL_MS, signal);
      signal.throwIfAborted();
      const failure = await this.#requestRedelivery(delivery, signal);
      consecutiveFailures = failure ? consecutiveFailures + 1 : 0;
      if (failure && (isGlobal(failure) || consecutiveFailures === MAX_CONSECUTIVE_FAILURES)) {
        return { found, requested, remaining: found - requested, failure };
      }
      if (failure) continue;
      requested++;
      onProgress?.({ found, requested });
    }
    return { found, requested, remaining: found - requested };
  }

  async #listUnrequested(signal: AbortSignal): Promise<readonly FailedDelivery[]> {
    const failed = await this.#attempts.listFailed(
      this.#clock.now() - REDELIVERY_WINDOW_MS,
      signal,
    );
    for (const [guid, at] of this.#requestedAt) {
      if (at <= this.#clock.now() - REQUESTED_TTL_MS) this.#requestedAt.delete(guid);
    }
    return failed.filter(({ guid }) => !this.#requestedAt.has(guid));
  }

  async #requestRedelivery(
    delivery: FailedDelivery,
    signal: AbortSignal,
  ): Promise<GitHubFailure | undefined> {
    try {
      await this.#attempts.redeliver(delivery, signal);
      this.#requestedAt.set(delivery.guid, this.#clock.now());
      return undefined;
    } catch (error) {
      if (error instanceof GitHubError) return error.failure;
      throw error;
    }
  }
}

/**
 * The latest attempt of each delivery of which none succeeded, the oldest first. `attempts` of the same moment come the
 * latest first, as GitHub lists them.
 */
export function findUndelivered(attempts: Iterable<DeliveryAttempt>): readonly FailedDelivery[] {
  const latest = new Map<string, DeliveryAttempt>();
  const delivered = new Set<string>();
  for (const attempt of attempts) {
    if (attempt.succeeded) delivered.add(attempt.guid);
    const previous = latest.get(attempt.guid);
    if (!previous || attempt.deliveredAt > previous.deliveredAt) latest.set(attempt.guid, attempt);
  }
  return [...latest.values()].filter(({ guid }) => !delivered.has(guid)).reverse()
    .sort((a, b) => a.deliveredAt - b.deliveredAt);
}
