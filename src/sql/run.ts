import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import type { Event, StoredEvent } from "../feed/event.ts";
import { merge, type Run, type RunStore } from "../run/run.ts";
import type { Database, Db, Tx } from "./database.ts";
import { appendEvents } from "./event.ts";
import { RunBatch } from "./run_batch.ts";
import { runOfRow } from "./run_row.ts";
import { countRuns } from "./statistics_keep.ts";

/** Keeps runs in SQL. */
export class SqlRunStore implements RunStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async put(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    // A poll mostly tells what is known: then nothing needs to be written.
    const news = await this.#database.read((db) => newsOf(db, runs));
    if (news.length === 0) return [];
    return await this.#database.write(async (tx) =>
      appendEvents(tx, await mergeRuns(tx, news), { clock: this.#clock })
    );
  }

  async latest(repository: string, count: number): Promise<readonly Run[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("workflow_runs").selectAll()
        .where(sql`lower(repository)`, "=", sql`lower(${repository})`)
        .orderBy("created_ms", "desc").orderBy("id", "desc").limit(count).execute()
    );
    return rows.map(runOfRow);
  }

  async listUnfinished(before: number, limit: number): Promise<readonly Run[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("workflow_runs").selectAll()
        .where("unfinished", "=", 1).where("updated_ms", "<", before)
        .orderBy("updated_ms").orderBy("id").limit(limit).execute()
    );
    return rows.map(runOfRow);
  }

  async remove(id: number): Promise<void> {
    await this.#database.write(async (tx) => {
      await tx.deleteFrom("workflow_runs").where("id", "=", id).execute();
      await countRuns(tx, [id]);
    });
  }
}

/** Merges runs into what is kept, in the order of their ids. Returns the events that tell what has changed. */
export async function mergeRuns(tx: Tx, runs: readonly Run[]): Promise<Event[]> {
  const batch = await RunBatch.lock(tx, { runs, jobs: [] });
  const events = runs.toSorted((a, b) => a.id - b.id).flatMap((run) => batch.merge(run));
  await batch.write();
  return events;
}

/** Those that would change what is kept, of an older attempt too. */
async function newsOf(db: Db, runs: readonly Run[]): Promise<readonly Run[]> {
  if (runs.length === 0) return [];
  const rows = await db.selectFrom("workflow_runs").selectAll()
    .where("id", "in", runs.map(({ id }) => id)).execute();
  const known = new Map(rows.map((row) => [row.id, runOfRow(row)]));
  return runs.filter((run) => {
    const old = known.get(run.id);
    return !old || merge(old, run) !== old || run.runAttempt < old.runAttempt;
  });
}
