import type { Visibility } from "../visibility.ts";
import { newestFirst, type Run } from "./run.ts";

/** `compact` has nine fields, `full` adds six more. */
export type View = "compact" | "full";

const NO_REPOSITORIES: readonly string[] = [];

/** The latest runs, as clients of `/ws` get them. Immutable; encoded once per view and visibility. */
export class Snapshot {
  readonly runs: readonly Run[];
  /** When the runs were last fetched from GitHub, in ms since the epoch. */
  readonly takenAt: number;
  /** The repositories of the runs in lower case, without duplicates. */
  readonly #repositories: readonly string[];
  /** Encoded frames by view and hidden repositories. */
  readonly #frames = new Map<string, string>();

  constructor(runs: readonly Run[], takenAt: number) {
    this.runs = runs.toSorted(newestFirst);
    this.takenAt = takenAt;
    this.#repositories = [...new Set(runs.map(toRepositoryKey))];
  }

  encode(view: View, visibility: Visibility): string {
    const hidden = visibility === "all"
      ? NO_REPOSITORIES
      : this.#repositories.filter((repository) => !visibility.has(repository));
    const key = hidden === NO_REPOSITORIES ? view : [view, ...hidden].join(" ");
    return this.#frames.getOrInsertComputed(key, () => {
      const runs = this.runs.filter((run) => !hidden.includes(toRepositoryKey(run)));
      return JSON.stringify({ runs: runs.map(view === "full" ? fullFields : compactFields) });
    });
  }
}

function toRepositoryKey({ repository }: Run): string {
  return repository.toLowerCase();
}

/** The names and their order are a contract with clients. */
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

/** A run in the wire format of `/ws?view=full`. */
export type FullRun = ReturnType<typeof fullFields>;
