import type { Clock } from "../clock.ts";
import { RefusedError } from "../errors.ts";
import type { PastPage, PastSource } from "./backfill_progress.ts";
import { type Random, retryDelay, waitUntil } from "./pace.ts";

/** About a minute in all. */
const RETRIES = 6;
/** How often to look whether a wait is over: budgets change, clocks are set. */
const STEP_MS = 60_000;

export interface PatienceOptions {
  readonly source: PastSource;
  readonly clock: Clock;
  readonly random: Random;
  /** Until when (ms since the epoch) to ask for nothing that can wait; `undefined` or past when it may be asked. */
  readonly restUntil: () => number | undefined;
  /** Told until when GitHub is left alone, and why where GitHub itself said so. */
  readonly onWait: (until: number, refusal?: RefusedError) => void;
}

/**
 * A source that waits while the budget is low or GitHub limits us, however long that takes, and asks again for what is
 * unavailable, a few times. Anything else that GitHub refuses is the caller's affair.
 */
export class PatientSource implements PastSource {
  readonly #options: PatienceOptions;
  #limits = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  async created(...question: Parameters<PastSource["created"]>): Promise<PastPage> {
    const [, , signal] = question;
    const { source, clock, random } = this.#options;
    for (let failures = 0;;) {
      await this.#rest(signal);
      try {
        const page = await source.created(...question);
        this.#limits = 0;
        return page;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RefusedError)) throw error;
        const { kind } = error.refusal;
        if (kind === "limited") await this.#obey(error, signal);
        else if (kind === "unavailable" && failures < RETRIES) {
          await clock.sleep(retryDelay(failures++, random), signal);
        } else throw error;
      }
    }
  }

  /** Waits while there is something that is more urgent. */
  async #rest(signal: AbortSignal): Promise<void> {
    const { clock, restUntil, onWait } = this.#options;
    let told: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      const until = restUntil();
      const left = (until ?? 0) - clock.now();
      if (until === undefined || left <= 0) return;
      if (until !== told) onWait(told = until);
      await clock.sleep(Math.min(left, STEP_MS), signal);
    }
  }

  async #obey(error: RefusedError, signal: AbortSignal): Promise<void> {
    const { clock, random, onWait } = this.#options;
    const now = clock.now();
    const until = waitUntil(error.refusal, this.#limits++, { now, random });
    onWait(until, error);
    await clock.sleep(until - now, signal);
  }
}
