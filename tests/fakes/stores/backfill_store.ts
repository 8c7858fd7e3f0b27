import { systemClock } from "../../../src/clock.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import type {
  BackfillJob,
  BackfillProgress,
  BackfillRequest,
  BackfillStore,
} from "../../../src/run/backfill/backfill_progress.ts";
import type { Run } from "../../../src/run/run.ts";
import { SqlRepositoryStore } from "../../../src/sql/repository.ts";
import { SqlBackfillStore } from "../../../src/sql/run/backfill.ts";
import { openMemoryDatabase } from "./memory_stores.ts";

const REPOSITORIES = [
  { id: 1, fullName: "octo/a", pushedAt: null },
  { id: 2, fullName: "octo/b", pushedAt: null },
];

/** Progress in a new `sqlite::memory:` that has two repositories. Imported runs are only recorded, not stored. */
export class MemoryBackfillStore implements BackfillStore {
  /** The imported runs by id. */
  readonly runs = new Map<number, Run>();
  /** A copy of the stored progress by repository id, as of the last change. */
  readonly progress = new Map<number, BackfillProgress>();
  /** Called before each change; may throw. */
  onWrite = (_operation: "start" | "save" | "import" | "stop") => {};
  readonly #store = openStore();

  async start(request: BackfillRequest): Promise<BackfillProgress> {
    return await this.#write("start", request.repositoryId, (store) => store.start(request));
  }

  async find(repositoryId: number): Promise<BackfillProgress | undefined> {
    return await (await this.#store).find(repositoryId);
  }

  async listRunning(): Promise<readonly BackfillJob[]> {
    return await (await this.#store).listRunning();
  }

  async save(before: BackfillProgress, after: BackfillProgress): Promise<boolean> {
    return await this.#write("save", before.repositoryId, (store) => store.save(before, after));
  }

  async stop(repositoryId: number, reason: string): Promise<void> {
    await this.#write("stop", repositoryId, (store) => store.stop(repositoryId, reason));
  }

  importRuns(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    this.onWrite("import");
    for (const run of runs) this.runs.set(run.id, run);
    return Promise.resolve([]);
  }

  async #write<T>(
    operation: "start" | "save" | "stop",
    repositoryId: number,
    change: (store: SqlBackfillStore) => Promise<T>,
  ): Promise<T> {
    this.onWrite(operation);
    const store = await this.#store;
    const result = await change(store);
    const stored = await store.find(repositoryId);
    if (stored) this.progress.set(repositoryId, stored);
    return result;
  }
}

async function openStore(): Promise<SqlBackfillStore> {
  const database = await openMemoryDatabase();
  await new SqlRepositoryStore(database, systemClock).upsert(REPOSITORIES);
  return new SqlBackfillStore(database, systemClock);
}
