import type { Block, Repository } from "./repository.ts";
import { renameRuns, type ScheduledRun } from "./run.ts";

/** A repository with its runs, by id. */
export interface RepositoryState {
  readonly repository: Repository;
  readonly runs: Map<number, ScheduledRun>;
  readonly block: Block | undefined;
}

/** The repositories of a world. Names are case-insensitive, as on GitHub. */
export class RepositoryStates {
  readonly #states = new Map<string, RepositoryState>();
  /** Repository ids by previous name in lower case. */
  readonly #previousNames = new Map<string, number>();

  all(): readonly RepositoryState[] {
    return [...this.#states.values()];
  }

  find(fullName: string): RepositoryState | undefined {
    return this.#states.get(fullName.toLowerCase());
  }

  /** Like `find`, but throws if the repository does not exist. */
  get(fullName: string): RepositoryState {
    const state = this.find(fullName);
    if (!state) throw new Error(`Repository ${fullName} not found`);
    return state;
  }

  findByPreviousName(fullName: string): Repository | undefined {
    const id = this.#previousNames.get(fullName.toLowerCase());
    return this.all().find(({ repository }) => repository.id === id)?.repository;
  }

  save(state: RepositoryState): void {
    this.#states.set(state.repository.full_name.toLowerCase(), state);
  }

  remove(fullName: string): void {
    this.#states.delete(fullName.toLowerCase());
  }

  /** Renames a repository and its runs; the previous name still leads to it. */
  rename(fullName: string, to: string): Repository {
    const state = this.get(fullName);
    const repository = { ...state.repository, full_name: to };
    this.remove(fullName);
    this.#previousNames.set(fullName.toLowerCase(), repository.id);
    this.save({ ...state, repository, runs: renameRuns(state.runs, to) });
    return repository;
  }

  /** The transitions of runs that are due at `until` (ms since the epoch), in chronological order. */
  listDueTransitions(until: number) {
    return this.all().flatMap(({ repository, runs }) =>
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
}
