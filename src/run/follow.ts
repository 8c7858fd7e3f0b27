import type { Clock } from "../clock.ts";
import { concernsAll, RefusedError, StorageError } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import type { FollowStore } from "../repository/follow.ts";
import { gapWithin } from "./follow_pace.ts";
import { Look } from "./look.ts";
import { type Budget, type Random, retryDelay } from "./pace.ts";
import type { RunSource, RunStore } from "./run.ts";
import { afterLook, dueAt, unseen, type Watched } from "./watched.ts";

/** How often to look up what is followed: another instance, or a webhook, may change it. */
const LOOK_UP_MS = 30_000;
/** How often to look whether GitHub may be asked again. */
const HELD_MS = 1_000;
const MAX_RETRY_MS = 5 * 60_000;
/** When a repository was last asked for is kept no more often. */
const KEEP_MS = 60_000;

export interface FollowPollerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly followed: Pick<FollowStore, "followed" | "polled">;
  readonly runs: RunSource;
  readonly store: RunStore;
  readonly budget: () => Budget | undefined;
  /** Points of the budget that others may need in the next `ms`. */
  readonly kept: (ms: number) => number;
  /** Whether GitHub may be asked for what no client waits for. */
  readonly mayAsk: () => boolean;
  /** Whether webhooks are taken in at all. */
  readonly takesWebhooks: boolean;
  /** Told of what has changed. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onRefused: (error: RefusedError) => void;
}

/**
 * Asks for the runs of the repositories that are followed, whether or not anybody listens: active ones often, quiet ones
 * seldom, one at a time, and all at the pace that the budget allows.
 */
export class FollowPoller {
  readonly #options: FollowPollerOptions;
  readonly #look: Look;
  readonly #logger = log("follow");
  /** By id. */
  #watched = new Map<number, Watched>();
  #lookedUpAt = -Infinity;
  #askedAt = -Infinity;
  #failures = 0;
  #retryAt = -Infinity;
  #woken = new AbortController();

  constructor(options: FollowPollerOptions) {
    this.#options = options;
    this.#look = new Look(options);
  }

  /** How many repositories are followed, as last looked up. */
  get size(): number {
    return this.#watched.size;
  }

  /** Looks up at once which repositories are followed. */
  wake(): void {
    this.#lookedUpAt = -Infinity;
    this.#woken.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const woken = this.#woken = new AbortController();
      const rest = await this.#step(signal);
      await this.#options.clock.sleep(rest, AbortSignal.any([signal, woken.signal]));
    }
  }

  /** Asks for the repository that is due first, when that may be. Returns how long to rest, in ms. */
  async #step(signal: AbortSignal): Promise<number> {
    const { clock, mayAsk } = this.#options;
    try {
      await this.#lookUp();
      const next = this.#next();
      if (!next) return LOOK_UP_MS;
      const wait = Math.max(dueAt(next, this.#options), this.#mayAskAt()) - clock.now();
      if (wait > 0) return Math.min(wait, this.#lookedUpAt + LOOK_UP_MS - clock.now());
      if (!mayAsk()) return HELD_MS;
      await this.#poll(next, signal);
      this.#failures = 0;
      return 0;
    } catch (error) {
      if (signal.aborted) return 0;
      if (!(error instanceof RefusedError || error instanceof StorageError)) throw error;
      return this.#backOff(error);
    }
  }

  async #lookUp(): Promise<void> {
    const { clock, followed } = this.#options;
    const now = clock.now();
    // After a clock that was set back nothing must wait for the time that it showed before.
    if (now < this.#askedAt) this.#startOver();
    if (now - this.#lookedUpAt < LOOK_UP_MS) return;
    this.#lookedUpAt = now;
    const repositories = await followed.followed();
    this.#watched = new Map(repositories.map((repository) => {
      const known = this.#watched.get(repository.id) ?? unseen(repository);
      return [repository.id, { ...known, repository }];
    }));
  }

  #startOver(): void {
    this.#lookedUpAt = this.#askedAt = this.#retryAt = -Infinity;
    this.#watched.clear();
  }

  #next(): Watched | undefined {
    const due = (watched: Watched) => dueAt(watched, this.#options);
    return [...this.#watched.values()].reduce<Watched | undefined>(
      (first, each) => first && due(first) <= due(each) ? first : each,
      undefined,
    );
  }

  #mayAskAt(): number {
    const { clock, budget, kept } = this.#options;
    const gap = gapWithin(budget(), { kept, now: clock.now() });
    return gap === Infinity ? Infinity : Math.max(this.#askedAt + gap, this.#retryAt);
  }

  async #poll(watched: Watched, signal: AbortSignal): Promise<void> {
    const { clock, followed } = this.#options;
    const { repository } = watched;
    this.#askedAt = clock.now();
    // Whatever comes of it, others have their turn before.
    this.#watched.set(repository.id, { ...watched, polledAt: this.#askedAt });
    const after = await this.#after(watched, signal);
    const { trouble } = after.repository;
    const keptAt = repository.polledAt ?? -Infinity;
    const keepsNow = trouble !== repository.trouble || after.polledAt - keptAt >= KEEP_MS;
    if (keepsNow) await followed.polled(repository.id, { at: after.polledAt, trouble });
    const polledAt = keepsNow ? after.polledAt : repository.polledAt;
    this.#watched.set(repository.id, {
      ...after,
      repository: { ...after.repository, polledAt },
    });
  }

  /** What is known of a repository after it was asked for; one that cannot be had has its reason. */
  async #after(watched: Watched, signal: AbortSignal): Promise<Watched> {
    const { clock, store, takesWebhooks } = this.#options;
    const { repository } = watched;
    try {
      const { latest, events } = await this.#look.at(repository.fullName, signal);
      const [first] = takesWebhooks ? await store.latest(repository.fullName, 1) : [];
      const isTold = first?.source === "webhook";
      return afterLook(watched, { latest, events, isTold, now: clock.now() });
    } catch (error) {
      if (!(error instanceof RefusedError) || error.refusal.kind !== "missing") throw error;
      if (repository.trouble === null) {
        this.#logger.warning("Cannot follow {repository}: {reason}", {
          repository: repository.fullName,
          reason: error.message,
        });
      }
      const inTrouble = { ...repository, trouble: error.message };
      return { ...watched, repository: inTrouble, polledAt: clock.now() };
    }
  }

  /** Returns how long to rest. */
  #backOff(error: RefusedError | StorageError): number {
    const { clock, random, onRefused } = this.#options;
    if (error instanceof RefusedError && concernsAll(error.refusal)) onRefused(error);
    const delay = Math.min(retryDelay(this.#failures++, random), MAX_RETRY_MS);
    this.#retryAt = clock.now() + delay;
    this.#logger.info("Followed repositories have to wait: {reason}", { reason: error.message });
    return Math.min(delay, LOOK_UP_MS);
  }
}
