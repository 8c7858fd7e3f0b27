import { type Clock, DAY_MS } from "../clock.ts";
import { GitHubError, type GitHubFailure, isGlobal } from "../errors.ts";

/**
 * How far back GitHub can redeliver: 3 days, on GitHub Enterprise Server 7.
 * https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
 */
const REDELIVERY_WINDOW_MS = 3 * DAY_MS;

/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests */
const REQUEST_INTERVAL_MS = 1_000;

/** A requested redelivery appears in GitHub's list after a delay; until then it is not requested again. */
const REQUESTED_TTL_MS = 5 * 60 * 1_000;

/** Takes seven minutes; GitHub may allow only 500 changes per hour. */
const MAX_REQUESTS = 400;

/** The cause of this many failures in a row is not a single delivery. */
const MAX_CONSECUTIVE_FAILURES = 3;

/** One attempt of GitHub to send a delivery. */
export interface DeliveryAttempt {
  /** `X-GitHub-Delivery`, the same for all attempts of a delivery. */
  readonly guid: string;
  /** The id of this attempt; a string, because the ids exceed the safe integers. */
  readonly id: string;
  readonly event: string;
  readonly action: string | null;
  /** In ms since the epoch. */
  readonly deliveredAt: number;
  readonly succeeded: boolean;
  /** The repository webhook; `null` for the webhook of a GitHub App. */
  readonly webhook: { readonly repository: string; readonly id: number } | null;
}

/** The latest attempt of a delivery without a successful attempt. */
export type FailedDelivery = DeliveryAttempt;

/** Lists and repeats failed deliveries: GitHub. Both methods throw GitHubError. */
export interface DeliveryAttemptSource {
  /** The failed deliveries since `since` (ms since the epoch), oldest first. */
  listFailed(since: number, signal: AbortSignal): Promise<readonly FailedDelivery[]>;
  /** Requests a redelivery. GitHub sends it a little later, with the same GUID. */
  redeliver(delivery: FailedDelivery, signal: AbortSignal): Promise<void>;
}

interface RedeliveryProgress {
  /** Failed deliveries, without those requested a moment ago. */
  readonly found: number;
  /** Redeliveries requested so far. */
  readonly requested: number;
}

interface RedeliveryResult extends RedeliveryProgress {
  /** Failed deliveries left for a later run. */
  readonly remaining: number;
  /** Why the run ended early. */
  readonly failure?: GitHubFailure;
}

interface RedeliveryOptions {
  /** The maximum number of requests. */
  readonly limit?: number;
  readonly onProgress?: (progress: RedeliveryProgress) => void;
}

/**
 * Requests redelivery of failed deliveries, because GitHub does not retry them.
 * https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
 */
export class Redelivery {
  readonly #attempts: DeliveryAttemptSource;
  readonly #clock: Clock;
  /** When each GUID was requested, in ms since the epoch, oldest first. */
  readonly #requestedAt = new Map<string, number>();

  constructor({ attempts, clock }: {
    readonly attempts: DeliveryAttemptSource;
    readonly clock: Clock;
  }) {
    this.#attempts = attempts;
    this.#clock = clock;
  }

  /**
   * Requests redeliveries one by one, oldest first. Skips a delivery that GitHub refuses. Ends early, with a `failure`, at a
   * rate limit, with an unauthorized credential, or after several failures in a row.
   * @throws {GitHubError} when the failed deliveries cannot be listed
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
 * Returns the latest attempt of each delivery without a successful attempt, oldest first. Attempts at the same time are in
 * GitHub's order: latest first.
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
