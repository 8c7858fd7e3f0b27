import type { Clock } from "../clock.ts";
import { isTransient, toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import type { RepositoryStore } from "../repository/repository.ts";
import type { DeliveryStore } from "./delivery.ts";
import type { Redelivery } from "./redelivery.ts";

/** Deliveries missed during a shorter downtime are not requested. */
const MIN_DOWNTIME_MS = 60_000;
/** The most recently pushed repositories, whose webhooks are checked. */
const MAX_REPOSITORIES = 100;

interface RedeliveryOnStartOptions {
  readonly clock: Clock;
  readonly deliveries: Pick<DeliveryStore<unknown>, "list">;
  readonly repositories: Pick<RepositoryStore, "listRecentlyPushed">;
  readonly createRedelivery: (repositories: readonly string[]) => Pick<Redelivery, "run">;
}

/** Requests redelivery, once, of deliveries missed while the server was down: if none has arrived for a minute. */
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
      const { found, requested, remaining } = await redelivery.run(signal);
      if (found === 0) return;
      this.#logger.info("Requested redelivery of {requested} deliveries, {remaining} remain", {
        requested,
        remaining,
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error)) throw error;
      this.#logger.warning("Failed to request missed deliveries: {reason}", {
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
