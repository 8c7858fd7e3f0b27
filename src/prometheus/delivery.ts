import type { Clock } from "../clock.ts";
import type { Backlog } from "../delivery/delivery.ts";
import { SingleFlight } from "../single_flight.ts";
import type { Exposition } from "./exposition.ts";

export interface DeliverySources {
  readonly received: {
    readonly outcomes: Iterable<
      { readonly event: string; readonly outcome: string; readonly count: number }
    >;
  };
  readonly inbox: {
    readonly outcomes: {
      readonly applied: number;
      readonly failed: number;
      readonly parked: number;
    };
  };
  /** Rejects if the database is unavailable. */
  readonly backlog: () => Promise<Backlog>;
  readonly clock: Clock;
}

/** Webhook deliveries. */
export function deliveryMetrics(exposition: Exposition, sources: DeliverySources): void {
  const { received, inbox, backlog, clock } = sources;
  exposition.counter(
    {
      name: "runwire_deliveries_total",
      help: "Webhook deliveries, by event and outcome",
      labels: ["event", "outcome"],
    },
    () =>
      [...received.outcomes].map(({ event, outcome, count }) =>
        [{ event, outcome }, count] as const
      ),
  );
  exposition.counter({
    name: "runwire_delivery_applications_total",
    help: "Attempts to apply a waiting delivery; failed ones are retried, parked ones are not",
    labels: ["outcome"],
  }, () => Object.entries(inbox.outcomes).map(([outcome, count]) => [{ outcome }, count] as const));
  // The three gauges share one read of the database.
  const reads = new SingleFlight<"backlog", Backlog | undefined>();
  const readBacklogOnce = () => reads.run("backlog", () => backlog().catch(() => undefined));
  exposition.gauge({
    name: "runwire_deliveries_waiting",
    help: "Deliveries waiting to be applied, in the shared database",
  }, async () => (await readBacklogOnce())?.waiting);
  exposition.gauge({
    name: "runwire_deliveries_parked",
    help: "Deliveries that failed for good, until they are retried manually",
  }, async () => (await readBacklogOnce())?.parked);
  exposition.gauge({
    name: "runwire_delivery_oldest_waiting_seconds",
    help: "Age of the oldest waiting delivery; 0 if none waits",
  }, async () => {
    const current = await readBacklogOnce();
    return current && (clock.now() - (current.oldestReceivedAt ?? clock.now())) / 1_000;
  });
}
