import type { Clock } from "../clock.ts";
import type { Audience } from "./audience.ts";

/** How often it is looked, here and elsewhere, whether anybody listens. */
const LOOK_MS = 1_000;
/** An instance that has said nothing for so long has no clients any more. */
const TTL_MS = 10_000;
const SAY_AGAIN_MS = 3_000;

/** Which instances have clients. */
export interface PresenceStore {
  /** This one has, for the next `ttlMs`. */
  enter(instance: string, options: { readonly ttlMs: number }): Promise<void>;
  leave(instance: string): Promise<void>;
  /** Whether any other one has. */
  isElsewhere(instance: string): Promise<boolean>;
}

export interface PresenceOptions {
  readonly store: PresenceStore;
  readonly audience: Audience;
  /** This instance, by a name that no other has or had. */
  readonly instance: string;
  readonly clock: Clock;
}

/** Lets the instance that polls know that somebody listens to another one. What cannot be kept or read is tried again. */
export class Presence {
  readonly #options: PresenceOptions;
  /** Whether those elsewhere are counted in the audience, as one. */
  #isElsewhere = false;
  #saidAt = -Infinity;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Says whether anybody listens here, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#say().catch(() => {});
      await clock.sleep(LOOK_MS, signal);
    }
    await this.#takeBack().catch(() => {});
  }

  /** Counts whoever listens elsewhere in our audience, until `signal` aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    const { store, clock, instance } = this.#options;
    while (!signal.aborted) {
      const isElsewhere = await store.isElsewhere(instance).catch(() => this.#isElsewhere);
      if (!signal.aborted) this.#count(isElsewhere);
      await clock.sleep(LOOK_MS, signal);
    }
    this.#count(false);
  }

  async #say(): Promise<void> {
    const { store, audience, instance, clock } = this.#options;
    const here = audience.size - Number(this.#isElsewhere);
    if (here === 0) return await this.#takeBack();
    // A clock that was set back must not make the others wait.
    if (Math.abs(clock.now() - this.#saidAt) < SAY_AGAIN_MS) return;
    await store.enter(instance, { ttlMs: TTL_MS });
    this.#saidAt = clock.now();
  }

  async #takeBack(): Promise<void> {
    if (this.#saidAt === -Infinity) return;
    await this.#options.store.leave(this.#options.instance);
    this.#saidAt = -Infinity;
  }

  #count(isElsewhere: boolean): void {
    if (isElsewhere === this.#isElsewhere) return;
    this.#isElsewhere = isElsewhere;
    if (isElsewhere) this.#options.audience.enter();
    else this.#options.audience.leave();
  }
}
