import { newestFirst, type Run } from "./run.ts";

/** `compact` has the nine fields, `full` adds six more. */
export type View = "compact" | "full";

/** The picture that clients of `/ws` get. Immutable; each view is encoded once. */
export class Snapshot {
  readonly runs: readonly Run[];
  /** When the last of its runs was fetched, in ms since the epoch. */
  readonly takenAt: number;
  readonly #frames = new Map<View, string>();

  constructor(runs: readonly Run[], takenAt: number) {
    this.runs = runs.toSorted(newestFirst);
    this.takenAt = takenAt;
  }

  encode(view: View): string {
    let frame = this.#frames.get(view);
    if (frame === undefined) {
      frame = JSON.stringify({ runs: this.runs.map(view === "full" ? fullFields : compactFields) });
      this.#frames.set(view, frame);
    }
    return frame;
  }
}

/** The names and their order are a contract with every client. */
function compactFields(run: Run) {
  return {
    repositoryName: run.repository,
    id: run.id,
    workflowName: run.workflowName,
    displayTitle: run.displayTitle,
    event: run.event,
    status: run.status,
    createdAt: run.createdAt,
    updatedAt: run.updatedAt,
    htmlUrl: run.htmlUrl,
  };
}

function fullFields(run: Run) {
  return {
    ...compactFields(run),
    conclusion: run.conclusion,
    branch: run.branch,
    actor: run.actor,
    runNumber: run.runNumber,
    runAttempt: run.runAttempt,
    startedAt: run.startedAt,
  };
}

/** One run as a client of `/ws?view=full` reads it. */
export type FullRun = ReturnType<typeof fullFields>;
