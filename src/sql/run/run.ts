import { sql } from "kysely";
import type { Clock } from "../../clock.ts";
import type { Event, StoredEvent } from "../../feed/event.ts";
import { merge, type Run, type RunStore } from "../../run/run.ts";
import type { Database } from "../database.ts";
import { appendEvents } from "../event_log.ts";
import type { Db, Tx } from "../handles.ts";
import { updateStatistics } from "../statistics/update.ts";
import { RunBatch } from "./run_batch.ts";
import { toRun } from "./run_row.ts";

/** Stores runs in SQL. */
export class SqlRunStore implements RunStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async put(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    // A poll mostly returns known states; then nothing is written.
    const changed = await this.#database.read((db) => selectChanged(db, runs));
    if (changed.length === 0) return [];
    return await this.#database.write(async (tx) =>
      appendEvents(tx, await mergeRuns(tx, changed), { clock: this.#clock })
    );
  }

  async latest(repository: string, count: number): Promise<readonly Run[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("workflow_runs").selectAll()
        .where(sql`lower(repository)`, "=", sql`lower(${repository})`)
        .orderBy("created_ms", "desc").orderBy("id", "desc").limit(count).execute()
    );
    return rows.map(toRun);
  }

  async listUnfinished(before: number, limit: number): Promise<readonly Run[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("workflow_runs").selectAll()
        .where("is_unfinished", "=", 1).where("updated_ms", "<", before)
        .orderBy("updated_ms").orderBy("id").limit(limit).execute()
    );
    return rows.map(toRun);
  }

  async remove(id: number): Promise<void> {
    await this.#database.write(async (tx) => {
      await tx.deleteFrom("workflow_runs").where("id", "=", id).execute();
      await updateStatistics(tx, [id]);
    });
  }
}

/** Merges runs into the stored ones, in the order of their IDs. Returns the events of the changes. */
export async function mergeRuns(tx: Tx, runs: readonly Run[]): Promise<Event[]> {
  const batch = await RunBatch.lock(tx, { runs, jobs: [] });
  const events = runs.toSorted((a, b) => a.id - b.id).flatMap((run) => batch.merge(run));
  await batch.write();
  return events;
}

/** Returns the runs that would change a stored run or an older attempt. */
async function selectChanged(db: Db, runs: readonly Run[]): Promise<readonly Run[]> {
  if (runs.length === 0) return [];
  const rows = await db.selectFrom("workflow_runs").selectAll()
    .where("id", "in", runs.map(({ id }) => id)).execute();
  const stored = new Map(rows.map((row) => [row.id, toRun(row)]));
  return runs.filter((run) => {
    const old = stored.get(run.id);
    return !old || merge(old, run) !== old || run.runAttempt < old.runAttempt;
  });
}
