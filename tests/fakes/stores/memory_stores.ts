import { systemClock } from "../../../src/clock.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import type { Repository, RepositoryStore } from "../../../src/repository/repository.ts";
import type { Run, RunStore } from "../../../src/run/run.ts";
import type { Database } from "../../../src/sql/database.ts";
import { SqlRepositoryStore } from "../../../src/sql/repository.ts";
import { SqlRunStore } from "../../../src/sql/run/run.ts";
import { openTestDatabase } from "../database.ts";

/** Runs in a new `sqlite::memory:`, which opens in the background. It needs no disposal: it has no file and no timer. */
export class MemoryRunStore implements RunStore {
  readonly #store = openMemoryDatabase().then((database) => new SqlRunStore(database, systemClock));

  async put(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    return await (await this.#store).put(runs);
  }

  async latest(repository: string, count: number): Promise<readonly Run[]> {
    return await (await this.#store).latest(repository, count);
  }

  async listUnfinished(before: number, limit: number): Promise<readonly Run[]> {
    return await (await this.#store).listUnfinished(before, limit);
  }

  async remove(id: number): Promise<void> {
    await (await this.#store).remove(id);
  }
}

/** Repositories in a new `sqlite::memory:`; see MemoryRunStore. */
export class MemoryRepositoryStore implements RepositoryStore {
  readonly #store = openMemoryDatabase().then((database) =>
    new SqlRepositoryStore(database, systemClock)
  );

  async upsert(repositories: readonly Repository[]): Promise<readonly StoredEvent[]> {
    return await (await this.#store).upsert(repositories);
  }

  async markRemoved(ids: readonly number[]): Promise<readonly StoredEvent[]> {
    return await (await this.#store).markRemoved(ids);
  }

  async listRecentlyPushed(count: number): Promise<readonly Repository[]> {
    return await (await this.#store).listRecentlyPushed(count);
  }
}

/** Opens a `sqlite::memory:` with all tables. */
export async function openMemoryDatabase(): Promise<Database> {
  return (await openTestDatabase("memory")).database;
}
