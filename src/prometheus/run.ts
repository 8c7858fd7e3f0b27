import type { PollerStatus } from "../run/polling/poller.ts";
import type { Exposition } from "./exposition.ts";

/** The lease of the leader. */
interface LeaseSources {
  readonly isLeader: boolean;
  /** The fencing token of the last term; `undefined` before the first. */
  readonly fencingToken: number | undefined;
  /** Terms of this instance, and how many of them it lost before it stopped. */
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

/** Polling and the leader. */
export function runMetrics(exposition: Exposition, { poller, lease }: RunSources): void {
  exposition.gauge({
    name: "runwire_poller_state",
    help: "1 for the current state of the poller, 0 for the others",
    labels: ["state"],
  }, () => {
    const { state } = poller.status;
    return Object.keys(STATES).map((each) => [{ state: each }, each === state ? 1 : 0] as const);
  });
  exposition.gauge({
    name: "runwire_poller_last_success_timestamp_seconds",
    help: "Time of the last snapshot, in Unix seconds",
  }, () => toSeconds(poller.status.lastSuccessAt));
  exposition.gauge({
    name: "runwire_poller_waiting_until_timestamp_seconds",
    help: "Time until which polling is paused, in Unix seconds; absent otherwise",
  }, () => toSeconds(poller.status.waitingUntil));
  exposition.gauge({
    name: "runwire_lease_held",
    help: "Whether this instance is the leader; the sum over all instances is 1",
  }, () => lease.isLeader ? 1 : 0);
  exposition.gauge({
    name: "runwire_lease_fencing_token",
    help: "Fencing token of the current or last lease; a later holder has a higher one",
  }, () => lease.fencingToken);
  exposition.counter({
    name: "runwire_lease_changes_total",
    help: "Number of times this instance acquired or lost the lease",
    labels: ["change"],
  }, () => [[{ change: "acquired" }, lease.acquired], [{ change: "lost" }, lease.lost]]);
}

function toSeconds(ms: number | null): number | undefined {
  return ms === null ? undefined : ms / 1_000;
}
