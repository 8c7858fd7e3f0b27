import type { RepositoryEvent } from "../feed/event.ts";
import type { Repository } from "../repository/repository.ts";
import type { RunStore } from "./run.ts";
import { Snapshot } from "./snapshot.ts";

export interface SnapshotSize {
  readonly repositories: number;
  /** Runs per repository. */
  readonly runs: number;
}

/** Builds snapshots from the latest stored runs of the repositories that were pushed to last. */
export class SnapshotBuilder {
  readonly #size: SnapshotSize;
  readonly #store: RunStore;
  #repositories: readonly Repository[] = [];

  constructor(options: { size: SnapshotSize; store: RunStore }) {
    this.#size = options.size;
    this.#store = options.store;
  }

  get repositoryNames(): readonly string[] {
    return this.#repositories.map((repository) => repository.fullName);
  }

  get repositories(): readonly Repository[] {
    return this.#repositories;
  }

  /** Sets the repositories of the snapshots, in GitHub's order. */
  setRepositories(repositories: readonly Repository[]): void {
    this.#repositories = repositories;
  }

  exclude(name: string): void {
    this.#repositories = this.#repositories.filter((repository) => repository.fullName !== name);
  }

  /** Applies a change since `setRepositories`: a repository that was pushed to moves to the front. */
  applyRepositoryEvent({ id, full_name, pushed_at, removed }: RepositoryEvent["data"]): void {
    const remaining = this.#repositories.filter((repository) => repository.id !== id);
    const old = this.#repositories.find((repository) => repository.id === id);
    const next = { id, fullName: full_name, pushedAt: pushed_at };
    const latest = old && pushTime(old) > pushTime(next) ? old : next;
    this.#repositories = (removed ? remaining : [...remaining, latest])
      .sort((a, b) => pushTime(b) - pushTime(a))
      .slice(0, this.#size.repositories);
  }

  /** Builds the current snapshot. `takenAt`: when runs were last fetched from GitHub, in ms since the epoch. */
  async build(takenAt: number): Promise<Snapshot> {
    const runs = await Promise.all(
      this.repositoryNames.map((name) => this.#store.latest(name, this.#size.runs)),
    );
    return new Snapshot(runs.flat(), takenAt);
  }
}

function pushTime({ pushedAt }: Repository): number {
  return pushedAt === null ? 0 : Date.parse(pushedAt);
}
