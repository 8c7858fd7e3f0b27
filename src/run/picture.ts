import type { RepositoryEvent } from "../feed/event.ts";
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

  get repositories(): readonly Repository[] {
    return this.#followed;
  }

  /** Shows these repositories, as GitHub lists them. */
  follow(repositories: readonly Repository[]): void {
    this.#followed = repositories;
  }

  leaveOut(name: string): void {
    this.#followed = this.#followed.filter((repository) => repository.fullName !== name);
  }

  /** Takes in what GitHub told us of a repository since the list: one that was pushed to comes to the front. */
  notice({ id, full_name, pushed_at, removed }: RepositoryEvent["data"]): void {
    const others = this.#followed.filter((repository) => repository.id !== id);
    const old = this.#followed.find((repository) => repository.id === id);
    const next = { id, fullName: full_name, pushedAt: pushed_at };
    const latest = old && pushTime(old) > pushTime(next) ? old : next;
    this.#followed = (removed ? others : [...others, latest])
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
