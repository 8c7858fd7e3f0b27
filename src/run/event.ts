import type { RunData, RunEvent, StatusEvent } from "../feed/event.ts";
import type { PollerStatus } from "./polling/poller.ts";
import { type Run, RUN_FIELDS } from "./run.ts";

const WIRE_FIELDS = Object.entries(RUN_FIELDS) as [keyof typeof RUN_FIELDS, keyof RunData][];
const { html_url: _, ...OTHER_DATA } = Object.fromEntries(
  WIRE_FIELDS.map(([, name]) => [name, null]),
);
/** Cloned, which costs a third of adding the properties one by one. The order of the keys is that of the JSON. */
const EMPTY_DATA: Partial<Record<keyof RunData, string | number | null>> = {
  ...OTHER_DATA,
  duration_seconds: null,
  html_url: null,
};

export function toRunEvent(run: Run): RunEvent {
  return { type: "run", repository: run.repository, data: toRunData(run) };
}

/** Returns a run in its wire format. */
export function toRunData(run: Run): RunData {
  const data = { ...EMPTY_DATA };
  for (const [field, name] of WIRE_FIELDS) data[name] = run[field];
  data.duration_seconds = durationSeconds(run);
  // RUN_FIELDS has every other field of RunData: see the type of Run.
  return data as RunData;
}

/** The duration of a run or an attempt; `null` until it has completed. */
export function durationSeconds(
  { status, startedAt, createdAt, updatedAt }: Pick<
    Run,
    "status" | "startedAt" | "createdAt" | "updatedAt"
  >,
): number | null {
  return status === "completed" ? secondsBetween(startedAt ?? createdAt, updatedAt) : null;
}

/** The seconds between two RFC 3339 times; `null` if one is missing. */
export function secondsBetween(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  return Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
}

/** Publishes a status event whenever the state of the connection to GitHub changes. */
export class StatusPublisher {
  readonly #publish: (event: StatusEvent) => void;
  /** The data of the last event, as JSON. */
  #lastPublished = "";

  constructor(publish: (event: StatusEvent) => void) {
    this.#publish = publish;
  }

  update({ state, waitingUntil }: PollerStatus): void {
    const data = {
      state,
      waiting_until: waitingUntil === null ? null : new Date(waitingUntil).toISOString(),
    };
    const encoded = JSON.stringify(data);
    if (encoded === this.#lastPublished) return;
    this.#lastPublished = encoded;
    this.#publish({ type: "status", repository: null, data });
  }
}
