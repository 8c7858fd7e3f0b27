import type { Clock } from "../clock.ts";
import type { ActiveClients } from "../feed/active_clients.ts";

/** How often to check for clients, on this and on other instances. */
const POLL_INTERVAL_MS = 1_000;
/** An instance without a renewal for this long counts as having no clients. */
const TTL_MS = 10_000;
const RENEW_INTERVAL_MS = 3_000;

/** Stores which instances have clients. */
export interface PresenceStore {
  /** Stores that `instance` has clients for the next `ttlMs`. */
  renew(instance: string, options: { readonly ttlMs: number }): Promise<void>;
  remove(instance: string): Promise<void>;
  /** Whether any other instance has clients. */
  isActiveElsewhere(instance: string): Promise<boolean>;
}

interface PresenceOptions {
  readonly store: PresenceStore;
  readonly activeClients: ActiveClients;
  /** A unique name of this instance. */
  readonly instance: string;
  readonly clock: Clock;
}

/** Publishes whether this instance has clients, so that the leader polls for them. Retries failed reads and writes. */
export class Presence {
  readonly #options: PresenceOptions;
  /** Whether `activeClients` counts the clients of all other instances, as one client. */
  #isActiveElsewhere = false;
  #renewedAt = -Infinity;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Publishes whether this instance has clients, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#announce().catch(() => {});
      await clock.sleep(POLL_INTERVAL_MS, signal);
    }
    await this.#withdraw().catch(() => {});
  }

  /** Counts the clients of other instances in `activeClients`, until `signal` aborts. */
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
    // A system clock that was set back must not delay the renewal.
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
