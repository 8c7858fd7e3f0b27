import { merge, newestFirst, type Run, type RunStore, sameState } from "./run.ts";

/** Runs remembered of one repository; older ones are forgotten. */
const MAX_RUNS_PER_REPOSITORY = 1_000;

/** Keeps runs in memory, for as long as the program lives. */
export class MemoryRunStore implements RunStore {
  readonly #repositories = new Map<string, Map<number, Run>>();

  put(runs: readonly Run[]): Promise<readonly Run[]> {
    return Promise.resolve(runs.flatMap((run) => this.#put(run)));
  }

  latest(repository: string, count: number): Promise<readonly Run[]> {
    const runs = this.#repositories.get(repository)?.values() ?? [];
    return Promise.resolve([...runs].sort(newestFirst).slice(0, count));
  }

  remove(id: number): Promise<void> {
    for (const runs of this.#repositories.values()) runs.delete(id);
    return Promise.resolve();
  }

  #put(run: Run): Run[] {
    const runs = this.#repositories.getOrInsertComputed(run.repository, () => new Map());
    const old = runs.get(run.id);
    const kept = old ? merge(old, run) : run;
    runs.set(run.id, kept);
    if (runs.size > MAX_RUNS_PER_REPOSITORY) {
      const oldest = [...runs.values()].sort(newestFirst).at(-1);
      if (oldest) runs.delete(oldest.id);
    }
    return old && sameState(old, kept) ? [] : [kept];
  }
}
