import type { Block, Repository } from "./repository.ts";
import type { ScheduledRun } from "./run.ts";

/** A repository as a world keeps it. */
export interface RepositoryState {
  readonly repository: Repository;
  readonly runs: Map<number, ScheduledRun>;
  readonly block: Block | undefined;
}

/** The steps that runs take until a time (ms since the epoch), in their order. */
export function listDueChanges(states: Iterable<RepositoryState>, until: number) {
  return [...states].flatMap(({ repository, runs }) =>
    [...runs.values()].flatMap(({ run, pending }) =>
      pending.filter(({ at }) => at <= until).map(({ at }) => ({
        at,
        id: run.id,
        repository,
        runs,
      }))
    )
  ).sort((a, b) => a.at - b.at);
}
