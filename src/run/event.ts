import type { RunEvent, StatusEvent } from "../feed/event.ts";
import type { PollerStatus } from "./poller.ts";
import type { Run } from "./run.ts";

/** What clients hear when a run has a new state. */
export function runEvent(run: Run): RunEvent {
  return {
    type: "run",
    repository: run.repository,
    data: {
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
    },
  };
}

function durationSeconds(run: Run): number | null {
  if (run.status !== "completed") return null;
  const started = Date.parse(run.startedAt ?? run.createdAt);
  return Math.max(0, Math.round((Date.parse(run.updatedAt) - started) / 1000));
}

/** Tells how things stand between us and GitHub, whenever that has changed. */
export class StatusReport {
  readonly #tell: (event: StatusEvent) => void;
  #told = "";

  constructor(tell: (event: StatusEvent) => void) {
    this.#tell = tell;
  }

  update({ state, waitingUntil }: PollerStatus): void {
    const data = {
      state,
      waiting_until: waitingUntil === null ? null : new Date(waitingUntil).toISOString(),
    };
    const now = JSON.stringify(data);
    if (now === this.#told) return;
    this.#told = now;
    this.#tell({ type: "status", repository: null, data });
  }
}
