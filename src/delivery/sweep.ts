import type { Clock } from "../clock.ts";
import { concernsAll, type Refusal, RefusedError } from "../errors.ts";

/**
 * How far back GitHub can be asked to send again. A GitHub Enterprise Server can 7 days; 3 hold for both.
 * https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
 */
export const REDELIVERY_WINDOW_MS = 3 * 24 * 60 * 60 * 1_000;

/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests */
const PAUSE_MS = 1_000;

/** What was asked for shows in GitHub's list only after a while; until then it is not asked for again. */
const ANSWER_WITHIN_MS = 5 * 60 * 1_000;

/** Seven minutes of asking, and as many changes as GitHub may allow in an hour (500). */
const ASKED_AT_MOST = 400;

/** So many refusals in a row are not about one delivery any more. */
const REFUSALS_IN_A_ROW = 3;

/** One time that GitHub sent a delivery, or tried to. */
export interface DeliveryAttempt {
  /** As the receiver knows the delivery: `X-GitHub-Delivery`, the same for each of its attempts. */
  readonly guid: string;
  /** Of this attempt; a string, for GitHub's are too long for a number. */
  readonly id: string;
  readonly event: string;
  readonly action: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly succeeded: boolean;
  /** The repository's hook that sent it; `null` for the hook of a GitHub App. */
  readonly hook: { readonly repository: string; readonly id: number } | null;
}

/** The latest attempt of a delivery of which none succeeded. */
export type FailedDelivery = DeliveryAttempt;

/** What GitHub sent to us without success. Both are refused with a RefusedError. */
export interface DeliveryAttempts {
  /** The deliveries since `since` (ms since the epoch) that never arrived, the oldest first. */
  failed(since: number, signal: AbortSignal): Promise<readonly FailedDelivery[]>;
  /** Asks GitHub to send it once more. It does so a little later, under the same GUID. */
  redeliver(delivery: FailedDelivery, signal: AbortSignal): Promise<void>;
}

/** How far a sweep has come. */
export interface SweepProgress {
  /** Deliveries that never arrived, less those that were asked for a moment ago. */
  readonly found: number;
  /** Those of them that GitHub will send again. */
  readonly asked: number;
}

export interface SweepResult extends SweepProgress {
  /** Those of them that a later sweep must ask for. */
  readonly left: number;
  /** Why the sweep ended before its end. */
  readonly refusal?: Refusal;
}

export interface SweepOptions {
  /** How many are asked for at the most. */
  readonly limit?: number;
  readonly onProgress?: (progress: SweepProgress) => void;
}

/**
 * Asks GitHub for what it could not deliver: it never sends again by itself.
 * https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
 *
 * `new Sweep({ attempts, clock })`
 */
export class Sweep {
  readonly #attempts: DeliveryAttempts;
  readonly #clock: Clock;
  /** When each GUID was asked for, in ms since the epoch, the oldest first. */
  readonly #asked = new Map<string, number>();

  constructor({ attempts, clock }: {
    readonly attempts: DeliveryAttempts;
    readonly clock: Clock;
  }) {
    this.#attempts = attempts;
    this.#clock = clock;
  }

  /**
   * One by one, the oldest first. It ends early, and says so, at a rate limit, at a credential that may not do this,
   * or when GitHub refuses several in a row; one that is refused alone is passed over, and left.
   * @throws {RefusedError} when GitHub does not tell what failed
   * @throws the signal's reason when it aborts
   */
  async run(
    signal: AbortSignal,
    { limit = ASKED_AT_MOST, onProgress }: SweepOptions = {},
  ): Promise<SweepResult> {
    const deliveries = await this.#toAskFor(signal);
    const found = deliveries.length;
    let asked = 0;
    let refusals = 0;
    onProgress?.({ found, asked });
    for (const [i, delivery] of deliveries.slice(0, limit).entries()) {
      if (i > 0) await this.#clock.sleep(PAUSE_MS, signal);
      signal.throwIfAborted();
      const refusal = await this.#ask(delivery, signal);
      refusals = refusal ? refusals + 1 : 0;
      if (refusal && (concernsAll(refusal) || refusals === REFUSALS_IN_A_ROW)) {
        return { found, asked, left: found - asked, refusal };
      }
      if (refusal) continue;
      asked++;
      onProgress?.({ found, asked });
    }
    return { found, asked, left: found - asked };
  }

  async #toAskFor(signal: AbortSignal): Promise<readonly FailedDelivery[]> {
    const failed = await this.#attempts.failed(this.#clock.now() - REDELIVERY_WINDOW_MS, signal);
    for (const [guid, at] of this.#asked) {
      if (at <= this.#clock.now() - ANSWER_WITHIN_MS) this.#asked.delete(guid);
    }
    return failed.filter(({ guid }) => !this.#asked.has(guid));
  }

  async #ask(delivery: FailedDelivery, signal: AbortSignal): Promise<Refusal | undefined> {
    try {
      await this.#attempts.redeliver(delivery, signal);
      this.#asked.set(delivery.guid, this.#clock.now());
      return undefined;
    } catch (error) {
      if (error instanceof RefusedError) return error.refusal;
      throw error;
    }
  }
}

/**
 * The latest attempt of each delivery of which none succeeded, the oldest first. `attempts` of the same moment come the
 * latest first, as GitHub lists them.
 */
export function neverArrived(attempts: Iterable<DeliveryAttempt>): readonly FailedDelivery[] {
  const latest = new Map<string, DeliveryAttempt>();
  const arrived = new Set<string>();
  for (const attempt of attempts) {
    if (attempt.succeeded) arrived.add(attempt.guid);
    const known = latest.get(attempt.guid);
    if (!known || attempt.at > known.at) latest.set(attempt.guid, attempt);
  }
  return [...latest.values()].filter(({ guid }) => !arrived.has(guid)).reverse()
    .sort((a, b) => a.at - b.at);
}
