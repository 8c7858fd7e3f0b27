import type { Clock } from "../clock.ts";
import type { Event, NumberedEvent } from "../feed/event.ts";
import { runEvent } from "../run/event.ts";
import { merge, type Run, type RunStore, sameState } from "../run/run.ts";
import type { Database, Db, Tx } from "./database.ts";
import { appendEvents } from "./event.ts";
import { runOfRow, runToRow } from "./run_row.ts";
import { keepWorkflow } from "./workflow.ts";

/** Keeps runs in SQL. */
export class SqlRunStore implements RunStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async put(runs: readonly Run[]): Promise<readonly NumberedEvent[]> {
    // A poll mostly tells what is known: then nothing needs to be written.
    const news = await this.#database.read((db) => newsOf(db, runs));
    if (news.length === 0) return [];
    return await this.#database.write(async (tx) =>
      appendEvents(tx, await mergeRuns(tx, news), { clock: this.#clock })
    );
  }

  async latest(repository: string, count: number): Promise<readonly Run[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("workflow_runs").selectAll().where("repository", "=", repository)
        .orderBy("created_ms", "desc").orderBy("id", "desc").limit(count).execute()
    );
    return rows.map(runOfRow);
  }

  async unfinished(before: number, limit: number): Promise<readonly Run[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("workflow_runs").selectAll()
        .where("unfinished", "=", 1).where("updated_ms", "<", before)
        .orderBy("updated_ms").orderBy("id").limit(limit).execute()
    );
    return rows.map(runOfRow);
  }

  async remove(id: number): Promise<void> {
    await this.#database.write((tx) =>
      tx.deleteFrom("workflow_runs").where("id", "=", id).execute()
    );
  }
}

/** Merges runs into what is kept, in the order of their ids, so that no two transactions wait for each other. */
export async function mergeRuns(tx: Tx, runs: readonly Run[]): Promise<Event[]> {
  const events: Event[] = [];
  for (const run of runs.toSorted((a, b) => a.id - b.id)) {
    const old = await lockRun(tx, run.id) ?? await insertRun(tx, run);
    const kept = old ? merge(old, run) : run;
    if (old && kept !== old) await updateRun(tx, kept);
    if (!old || !sameState(old, kept)) events.push(runEvent(kept));
  }
  return events;
}

/** The run, which nobody else changes until the transaction ends. */
export async function lockRun(tx: Tx, id: number): Promise<Run | undefined> {
  const row = await tx.selectFrom("workflow_runs").selectAll().where("id", "=", id).forUpdate()
    .executeTakeFirst();
  return row && runOfRow(row);
}

/** Returns the run that was there already, if another transaction came first. */
async function insertRun(tx: Tx, run: Run): Promise<Run | undefined> {
  await keepWorkflow(tx, run);
  const { numInsertedOrUpdatedRows } = await tx.insertInto("workflow_runs").values(runToRow(run))
    .onConflict((conflict) => conflict.column("id").doNothing()).executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 0n ? await lockRun(tx, run.id) : undefined;
}

async function updateRun(tx: Tx, run: Run): Promise<void> {
  await keepWorkflow(tx, run);
  await tx.updateTable("workflow_runs").set(runToRow(run)).where("id", "=", run.id).execute();
}

/** Those that would change what is kept. */
async function newsOf(db: Db, runs: readonly Run[]): Promise<readonly Run[]> {
  if (runs.length === 0) return [];
  const rows = await db.selectFrom("workflow_runs").selectAll()
    .where("id", "in", runs.map(({ id }) => id)).execute();
  const known = new Map(rows.map((row) => [row.id, runOfRow(row)]));
  return runs.filter((run) => {
    const old = known.get(run.id);
    return !old || merge(old, run) !== old;
  });
}
