import type { Repository } from "../repository/repository.ts";
import type { RunStore } from "./run.ts";
import { Snapshot } from "./snapshot.ts";

export interface PictureSize {
  readonly repositories: number;
  /** Of each repository. */
  readonly runs: number;
}

/** What a snapshot shows: which repositories, and the latest runs that are kept of each. */
export class Picture {
  readonly #size: PictureSize;
  readonly #store: RunStore;
  #followed: readonly Repository[] = [];

  constructor(options: { size: PictureSize; store: RunStore }) {
    this.#size = options.size;
    this.#store = options.store;
  }

  /** The names of the repositories that are shown. */
  get followed(): readonly string[] {
    return this.#followed.map((repository) => repository.fullName);
  }

  /** Shows these repositories, as GitHub lists them. */
  follow(repositories: readonly Repository[]): void {
    this.#followed = repositories;
  }

  leaveOut(name: string): void {
    this.#followed = this.#followed.filter((repository) => repository.fullName !== name);
  }

  /** Takes in what GitHub told us of repositories since the list: one that was pushed to comes to the front. */
  notice(repositories: readonly Repository[], removed: readonly number[]): void {
    const byId = new Map(this.#followed.map((repository) => [repository.id, repository]));
    for (const repository of repositories) {
      const old = byId.get(repository.id);
      const isNews = !old || pushTime(repository) >= pushTime(old);
      if (isNews) byId.set(repository.id, repository);
    }
    for (const id of removed) byId.delete(id);
    this.#followed = [...byId.values()]
      .sort((a, b) => pushTime(b) - pushTime(a))
      .slice(0, this.#size.repositories);
  }

  /** The snapshot of this moment. `takenAt`: when GitHub was last asked, in ms since the epoch. */
  async take(takenAt: number): Promise<Snapshot> {
    const runs = await Promise.all(
      this.followed.map((name) => this.#store.latest(name, this.#size.runs)),
    );
    return new Snapshot(runs.flat(), takenAt);
  }
}

function pushTime({ pushedAt }: Repository): number {
  return pushedAt === null ? 0 : Date.parse(pushedAt);
}
