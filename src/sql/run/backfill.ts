import { type Clock, DAY_MS } from "../../clock.ts";
import type { Event, StoredEvent } from "../../feed/event.ts";
import {
  type BackfillJob,
  type BackfillProgress,
  type BackfillRequest,
  type BackfillStore,
  startProgress,
} from "../../run/backfill/backfill_progress.ts";
import type { Run } from "../../run/run.ts";
import type { Database } from "../database.ts";
import { appendEvents } from "../event_log.ts";
import type { Db, Tx } from "../handles.ts";
import type { BackfillTable } from "../tables.ts";
import { upsert } from "../upsert.ts";
import { mergeRuns } from "./run.ts";

/** Runs per transaction: few enough that transactions for clients do not wait long. */
const BATCH_RUNS = 50;
/** New runs that ended longer ago than this produce no events. */
const HISTORICAL_AFTER_MS = DAY_MS;

/** Stores the progress of backfills in SQL. */
export class SqlBackfillStore implements BackfillStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  start(request: BackfillRequest): Promise<BackfillProgress> {
    return this.#database.write(async (tx) => {
      const progress = startProgress(await find(tx, request.repositoryId, { lock: true }), request);
      await upsert(tx, "backfills", [this.#toRow(progress)], { key: ["repository_id"] });
      return progress;
    });
  }

  find(repositoryId: number): Promise<BackfillProgress | undefined> {
    return this.#database.read((db) => find(db, repositoryId));
  }

  async listRunning(): Promise<readonly BackfillJob[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("backfills").innerJoin("repositories", "repositories.id", "repository_id")
        .selectAll("backfills").select("full_name")
        .where("backfills.state", "=", "running").where("is_background", "=", 1)
        .where("removed_ms", "is", null)
        .orderBy("backfills.updated_ms").orderBy("repository_id").execute()
    );
    return rows.map((row) => ({ progress: toProgress(row), repository: row.full_name }));
  }

  save(before: BackfillProgress, after: BackfillProgress): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const { numUpdatedRows } = await tx.updateTable("backfills").set(this.#toRow(after))
        .where("repository_id", "=", before.repositoryId)
        .where("state", "=", before.state).where("is_background", "=", Number(before.isBackground))
        .where("since_ms", "=", before.since)
        .where("imported_from_ms", "=", before.importedFrom)
        .where("imported_to_ms", "=", before.importedTo).executeTakeFirstOrThrow();
      return numUpdatedRows > 0n;
    });
  }

  async stop(repositoryId: number, error: string): Promise<void> {
    await this.#database.write((tx) =>
      tx.updateTable("backfills").set({ state: "failed", error, updated_ms: this.#clock.now() })
        .where("repository_id", "=", repositoryId).where("state", "=", "running").execute()
    );
  }

  async importRuns(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (let start = 0; start < runs.length; start += BATCH_RUNS) {
      const batch = runs.slice(start, start + BATCH_RUNS);
      events.push(...await this.#database.write((tx) => this.#merge(tx, batch)));
      // SQLite transactions are synchronous: yield to the event loop.
      await this.#clock.sleep(0);
    }
    return events;
  }

  async #merge(tx: Tx, runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    const known = await knownIds(tx, runs);
    const events = await mergeRuns(tx, runs);
    const newEvents = events.filter((event) => !this.#isHistorical(event, known));
    return await appendEvents(tx, newEvents, { clock: this.#clock });
  }

  #isHistorical(event: Event, known: ReadonlySet<number>): boolean {
    if (event.type !== "run" || known.has(event.data.id)) return false;
    const { status, updated_at } = event.data;
    return status === "completed" &&
      Date.parse(updated_at) < this.#clock.now() - HISTORICAL_AFTER_MS;
  }

  #toRow(progress: BackfillProgress): BackfillTable {
    return {
      repository_id: progress.repositoryId,
      since_ms: progress.since,
      imported_from_ms: progress.importedFrom,
      imported_to_ms: progress.importedTo,
      runs: progress.runs,
      estimate: progress.estimate,
      state: progress.state,
      error: progress.reason,
      is_background: Number(progress.isBackground),
      updated_ms: this.#clock.now(),
    };
  }
}

async function find(
  db: Db | Tx,
  repositoryId: number,
  { lock = false } = {},
): Promise<BackfillProgress | undefined> {
  const row = await db.selectFrom("backfills").selectAll()
    .where("repository_id", "=", repositoryId).$if(lock, (query) => query.forUpdate())
    .executeTakeFirst();
  return row && toProgress(row);
}

async function knownIds(tx: Tx, runs: readonly Run[]): Promise<ReadonlySet<number>> {
  const rows = await tx.selectFrom("workflow_runs").select("id")
    .where("id", "in", runs.map(({ id }) => id)).execute();
  return new Set(rows.map(({ id }) => id));
}

function toProgress(row: BackfillTable): BackfillProgress {
  return {
    repositoryId: row.repository_id,
    since: row.since_ms,
    importedFrom: row.imported_from_ms,
    importedTo: row.imported_to_ms,
    runs: row.runs,
    estimate: row.estimate,
    state: row.state,
    reason: row.error,
    isBackground: row.is_background === 1,
  };
}
