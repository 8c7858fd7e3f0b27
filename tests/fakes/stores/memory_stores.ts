import type { Event, StoredEvent } from "../../../src/feed/event.ts";
import type { Repository, RepositoryStore } from "../../../src/repository/repository.ts";
import { toRepositoryEvent } from "../../../src/repository/event.ts";
import { runEvent } from "../../../src/run/event.ts";
import { isSameState, merge, newestFirst, type Run, type RunStore } from "../../../src/run/run.ts";

/** Numbers events, as a store does in the transaction of a change. */
class SeqCounter {
  #seq = 0;

  assignSeqs(events: readonly Event[]): readonly StoredEvent[] {
    return events.map((event) => ({ seq: ++this.#seq, at: "2026-01-01T00:00:00.000Z", ...event }));
  }
}

/** Runs in memory. */
export class MemoryRunStore implements RunStore {
  readonly #runs = new Map<number, Run>();
  readonly #seqs = new SeqCounter();

  put(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    return Promise.resolve(this.#seqs.assignSeqs(runs.flatMap((run) => this.#put(run))));
  }

  latest(repository: string, count: number): Promise<readonly Run[]> {
    const runs = [...this.#runs.values()].filter((run) => run.repository === repository);
    return Promise.resolve(runs.sort(newestFirst).slice(0, count));
  }

  listUnfinished(before: number, limit: number): Promise<readonly Run[]> {
    const runs = [...this.#runs.values()].filter((run) =>
      run.status !== "completed" && Date.parse(run.updatedAt) < before
    );
    runs.sort((a, b) => Date.parse(a.updatedAt) - Date.parse(b.updatedAt));
    return Promise.resolve(runs.slice(0, limit));
  }

  remove(id: number): Promise<void> {
    this.#runs.delete(id);
    return Promise.resolve();
  }

  #put(run: Run): Event[] {
    const old = this.#runs.get(run.id);
    const merged = old ? merge(old, run) : run;
    this.#runs.set(run.id, merged);
    return old && isSameState(old, merged) ? [] : [runEvent(merged)];
  }
}

/** Repositories in memory. */
export class MemoryRepositoryStore implements RepositoryStore {
  readonly #repositories = new Map<number, Repository>();
  readonly #seqs = new SeqCounter();

  upsert(repositories: readonly Repository[]): Promise<readonly StoredEvent[]> {
    for (const repository of repositories) this.#repositories.set(repository.id, repository);
    return Promise.resolve(
      this.#seqs.assignSeqs(repositories.map((each) => toRepositoryEvent(each))),
    );
  }

  markRemoved(ids: readonly number[]): Promise<readonly StoredEvent[]> {
    for (const id of ids) this.#repositories.delete(id);
    return Promise.resolve([]);
  }

  listRecentlyPushed(count: number): Promise<readonly Repository[]> {
    return Promise.resolve([...this.#repositories.values()].slice(0, count));
  }
}
