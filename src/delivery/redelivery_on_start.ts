import type { Clock } from "../clock.ts";
import { isTransient, toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import type { RepositoryStore } from "../repository/repository.ts";
import type { DeliveryStore } from "./delivery.ts";
import type { Redelivery } from "./redelivery.ts";

/** After a shorter stop nothing is missed that GitHub did not try to deliver in time. */
const MIN_DOWNTIME_MS = 60_000;
/** Whose hooks are looked at: the most recently pushed. */
const MAX_REPOSITORIES = 100;

export interface RedeliveryOnStartOptions {
  readonly clock: Clock;
  readonly deliveries: Pick<DeliveryStore<unknown>, "list">;
  readonly repositories: Pick<RepositoryStore, "listRecentlyPushed">;
  readonly createRedelivery: (repositories: readonly string[]) => Pick<Redelivery, "run">;
}

/** Asks GitHub, once, for what it could not deliver while we were stopped: when nothing has come for a minute. */
export class RedeliveryOnStart {
  readonly #options: RedeliveryOnStartOptions;
  readonly #logger = log("deliveries");

  constructor(options: RedeliveryOnStartOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      if (await this.#wasDowntimeShort()) return;
      const repositories = await this.#options.repositories.listRecentlyPushed(MAX_REPOSITORIES);
      const redelivery = this.#options.createRedelivery(
        repositories.map((repository) => repository.fullName),
      );
      const { found, requested: asked, remaining: left } = await redelivery.run(signal);
      if (found === 0) return;
      this.#logger.info("Asked GitHub again for {asked} deliveries, {left} are left", {
        asked,
        left,
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error)) throw error;
      this.#logger.warning("Cannot ask for missed deliveries: {reason}", {
        reason: toErrorMessage(error),
      });
    }
  }

  async #wasDowntimeShort(): Promise<boolean> {
    const { clock, deliveries } = this.#options;
    const [latest] = await deliveries.list({ limit: 1 });
    return latest !== undefined && clock.now() - latest.receivedAt < MIN_DOWNTIME_MS;
  }
}
