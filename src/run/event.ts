import type { RunData, RunEvent, StatusEvent } from "../feed/event.ts";
import type { PollerStatus } from "./polling/poller.ts";
import type { Run } from "./run.ts";

/** What clients hear when a run has a new state. */
export function runEvent(run: Run): RunEvent {
  return { type: "run", repository: run.repository, data: runData(run) };
}

/** A run as it goes over the wire. */
export function runData(run: Run): RunData {
  return {
    id: run.id,
    repository: run.repository,
    workflow_id: run.workflowId,
    workflow_name: run.workflowName,
    display_title: run.displayTitle,
    event: run.event,
    status: run.status,
    conclusion: run.conclusion,
    branch: run.branch,
    head_sha: run.headSha,
    actor: run.actor,
    run_number: run.runNumber,
    run_attempt: run.runAttempt,
    created_at: run.createdAt,
    started_at: run.startedAt,
    updated_at: run.updatedAt,
    duration_seconds: durationSeconds(run),
    html_url: run.htmlUrl,
  };
}

/** How long a run, or one attempt of it, took; `null` until it has ended. */
export function durationSeconds(
  { status, startedAt, createdAt, updatedAt }: Pick<
    Run,
    "status" | "startedAt" | "createdAt" | "updatedAt"
  >,
): number | null {
  return status === "completed" ? secondsBetween(startedAt ?? createdAt, updatedAt) : null;
}

/** Between two times as GitHub writes them; `null` where one is missing. */
export function secondsBetween(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  return Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
}

/** Tells how things stand between us and GitHub, whenever that has changed. */
export class StatusPublisher {
  readonly #publish: (event: StatusEvent) => void;
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
