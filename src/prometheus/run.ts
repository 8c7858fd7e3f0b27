import type { PollerStatus } from "../run/polling/poller.ts";
import type { Exposition } from "./exposition.ts";

/** Who may poll, where there are several instances. */
export interface LeaseSources {
  readonly isLeader: boolean;
  /** The number that orders the holders; `undefined` before this instance was one. */
  readonly fencingToken: number | undefined;
  /** How often this instance has got the lease, and how often it lost it other than by giving it back. */
  readonly acquired: number;
  readonly lost: number;
}

export interface RunSources {
  readonly poller: { readonly status: PollerStatus };
  readonly lease: LeaseSources;
}

const STATES: Readonly<Record<PollerStatus["state"], true>> = {
  polling: true,
  waiting: true,
  idle: true,
  unauthorized: true,
  unreachable: true,
};

/** How GitHub is polled, and by whom. */
export function runMetrics(exposition: Exposition, { poller, lease }: RunSources): void {
  exposition.gauge({
    name: "runwire_poller_state",
    help: "1 for the state that the poller is in, 0 for the others",
    labels: ["state"],
  }, () => {
    const { state } = poller.status;
    return Object.keys(STATES).map((each) => [{ state: each }, each === state ? 1 : 0] as const);
  });
  exposition.gauge({
    name: "runwire_poller_last_success_timestamp_seconds",
    help: "When the last snapshot was taken, in seconds since the epoch",
  }, () => toSeconds(poller.status.lastSuccessAt));
  exposition.gauge({
    name: "runwire_poller_waiting_until_timestamp_seconds",
    help: "Until when GitHub is left alone, in seconds since the epoch; none while it is not",
  }, () => toSeconds(poller.status.waitingUntil));
  exposition.gauge({
    name: "runwire_lease_held",
    help: "Whether this instance is the one that polls: the sum over all instances is 1",
  }, () => lease.isLeader ? 1 : 0);
  exposition.gauge({
    name: "runwire_lease_fencing_token",
    help:
      "The number of the lease that this instance has or had last: a later holder has a higher one",
  }, () => lease.fencingToken);
  exposition.counter({
    name: "runwire_lease_changes_total",
    help: "How often this instance has got the lease, or lost it",
    labels: ["change"],
  }, () => [[{ change: "taken" }, lease.acquired], [{ change: "lost" }, lease.lost]]);
}

function toSeconds(ms: number | null): number | undefined {
  return ms === null ? undefined : ms / 1_000;
}
