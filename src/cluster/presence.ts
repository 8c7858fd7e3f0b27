import type { Clock } from "../clock.ts";
import type { ActiveClients } from "../feed/active_clients.ts";

/** How often it is looked, here and elsewhere, whether anybody listens. */
const POLL_INTERVAL_MS = 1_000;
/** An instance that has said nothing for so long has no clients any more. */
const TTL_MS = 10_000;
const RENEW_INTERVAL_MS = 3_000;

/** Which instances have clients. */
export interface PresenceStore {
  /** This one has, for the next `ttlMs`. */
  renew(instance: string, options: { readonly ttlMs: number }): Promise<void>;
  remove(instance: string): Promise<void>;
  /** Whether any other one has. */
  isActiveElsewhere(instance: string): Promise<boolean>;
}

export interface PresenceOptions {
  readonly store: PresenceStore;
  readonly activeClients: ActiveClients;
  /** This instance, by a name that no other has or had. */
  readonly instance: string;
  readonly clock: Clock;
}

/** Lets the instance that polls know that somebody listens to another one. What cannot be kept or read is tried again. */
export class Presence {
  readonly #options: PresenceOptions;
  /** Whether those elsewhere are counted in the audience, as one. */
  #isActiveElsewhere = false;
  #renewedAt = -Infinity;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Says whether anybody listens here, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#announce().catch(() => {});
      await clock.sleep(POLL_INTERVAL_MS, signal);
    }
    await this.#withdraw().catch(() => {});
  }

  /** Counts whoever listens elsewhere in our audience, until `signal` aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    const { store, clock, instance } = this.#options;
    while (!signal.aborted) {
      const isActiveElsewhere = await store.isActiveElsewhere(instance).catch(() =>
        this.#isActiveElsewhere
      );
      if (!signal.aborted) this.#countRemote(isActiveElsewhere);
      await clock.sleep(POLL_INTERVAL_MS, signal);
    }
    this.#countRemote(false);
  }

  async #announce(): Promise<void> {
    const { store, activeClients, instance, clock } = this.#options;
    const localClients = activeClients.size - Number(this.#isActiveElsewhere);
    if (localClients === 0) return await this.#withdraw();
    // A clock that was set back must not make the others wait.
    if (Math.abs(clock.now() - this.#renewedAt) < RENEW_INTERVAL_MS) return;
    await store.renew(instance, { ttlMs: TTL_MS });
    this.#renewedAt = clock.now();
  }

  async #withdraw(): Promise<void> {
    if (this.#renewedAt === -Infinity) return;
    await this.#options.store.remove(this.#options.instance);
    this.#renewedAt = -Infinity;
  }

  #countRemote(isActiveElsewhere: boolean): void {
    if (isActiveElsewhere === this.#isActiveElsewhere) return;
    this.#isActiveElsewhere = isActiveElsewhere;
    if (isActiveElsewhere) this.#options.activeClients.add();
    else this.#options.activeClients.remove();
  }
}
