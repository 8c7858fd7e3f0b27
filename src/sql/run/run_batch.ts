import type { Event } from "../../feed/event.ts";
import { applyJobState, type JobState, type ReportedJob } from "../../run/change_set.ts";
import { toRunEvent } from "../../run/event.ts";
import { isSameState, merge, type Run } from "../../run/run.ts";
import type { Tx } from "../handles.ts";
import { updateStatistics } from "../statistics/update.ts";
import { upsertRunWorkflows } from "../workflow.ts";
import { upsertJobs } from "./job_row.ts";
import { upsertAttempts } from "./run_attempt.ts";
import { type RunTable, toRun, toRunRow } from "./run_row.ts";

/** Rows per statement: PostgreSQL binds at most 65,535 values. */
const BATCH_ROWS = 1_000;

/**
 * The runs that a transaction changes, with their attempts and jobs: read once, merged in memory in the order of their
 * arrival, written once.
 */
export class RunBatch {
  readonly #tx: Tx;
  /** As stored in the table. */
  readonly #stored: Map<number, Run>;
  /** As merged so far. */
  readonly #current: Map<number, Run>;
  /** States that change an attempt, including older attempts. */
  readonly #attempts: Run[] = [];
  readonly #jobs: ReportedJob[] = [];

  private constructor(tx: Tx, existing: readonly Run[], added: readonly Run[]) {
    this.#tx = tx;
    this.#current = new Map(existing.map((run) => [run.id, run]));
    this.#stored = new Map([...existing, ...added].map((run) => [run.id, run]));
  }

  /**
   * Locks `runs` and the runs of `jobs` until the transaction ends. Rows are locked in the order of their IDs, to avoid
   * deadlocks.
   */
  static async lock(
    tx: Tx,
    { runs, jobs }: {
      readonly runs: readonly Run[];
      readonly jobs: readonly { readonly runId: number }[];
    },
  ): Promise<RunBatch> {
    const ids = new Set([...runs.map(({ id }) => id), ...jobs.map(({ runId }) => runId)]);
    const existing = await selectForUpdate(tx, [...ids]);
    for (const { id } of existing) ids.delete(id);
    const firstById = new Map(runs.toReversed().map((run) => [run.id, run]));
    const missing = [...firstById.values()].filter(({ id }) => ids.has(id));
    const added = await insertMissing(tx, missing.sort((a, b) => a.id - b.id));
    // Inserted by another transaction in the meantime.
    const insertedConcurrently = missing.filter(({ id }) => !added.has(id)).map(({ id }) => id);
    return new RunBatch(
      tx,
      [...existing, ...await selectForUpdate(tx, insertedConcurrently)],
      missing.filter(({ id }) => added.has(id)),
    );
  }

  /** Returns the events of the change. */
  merge(run: Run): readonly Event[] {
    const old = this.#current.get(run.id);
    const merged = old ? merge(old, run) : run;
    this.#current.set(run.id, merged);
    if (merged !== old || run.runAttempt < merged.runAttempt) this.#attempts.push(run);
    return old && isSameState(old, merged) ? [] : [toRunEvent(merged)];
  }

  /**
   * A job of an unknown run is ignored: the run arrives later, and the job with its next state or through the JobCollector.
   */
  mergeJob(state: JobState): readonly Event[] {
    if (state.job) this.addJob({ job: state.job, at: state.at });
    const run = this.#current.get(state.runId);
    const updated = run && applyJobState(run, state);
    return updated && updated !== run ? this.merge(updated) : [];
  }

  /** Stores a job without an event. */
  addJob(report: ReportedJob): void {
    if (this.#stored.has(report.job.runId)) this.#jobs.push(report);
  }

  /** Writes the changes. */
  async write(): Promise<void> {
    const changed = [...this.#current.values()].filter((run) => this.#stored.get(run.id) !== run);
    for (const run of changed) {
      const columns = changedColumns(this.#stored.get(run.id), run);
      if (Object.keys(columns).length === 0) continue;
      await this.#tx.updateTable("workflow_runs").set(columns).where("id", "=", run.id).execute();
    }
    await upsertAttempts(this.#tx, this.#attempts);
    await upsertJobs(this.#tx, this.#jobs);
    await updateStatistics(this.#tx, this.#touchedRunIds().filter((id) => this.#hasCompleted(id)));
  }

  /** The runs with a changed attempt or job. */
  #touchedRunIds(): readonly number[] {
    return [...this.#attempts.map(({ id }) => id), ...this.#jobs.map(({ job }) => job.runId)];
  }

  /** Whether a run has completed, or had before it was rerun. */
  #hasCompleted(id: number): boolean {
    return [this.#stored, this.#current].some((runs) => runs.get(id)?.status === "completed");
  }
}

/** Only the changed columns, because SQLite rewrites every index with an assigned column. */
function changedColumns(old: Run | undefined, run: Run): Partial<RunTable> {
  const before: Partial<Record<string, unknown>> = old ? { ...toRunRow(old) } : {};
  return Object.fromEntries(
    Object.entries(toRunRow(run)).filter(([name, value]) => before[name] !== value),
  );
}

async function selectForUpdate(tx: Tx, ids: readonly number[]): Promise<readonly Run[]> {
  if (ids.length === 0) return [];
  const rows = await tx.selectFrom("workflow_runs").selectAll().where("id", "in", ids)
    .orderBy("id").forUpdate().execute();
  return rows.map(toRun);
}

/** Returns the IDs of the inserted runs. */
async function insertMissing(tx: Tx, runs: readonly Run[]): Promise<ReadonlySet<number>> {
  await upsertRunWorkflows(tx, runs);
  const added = new Set<number>();
  for (let start = 0; start < runs.length; start += BATCH_ROWS) {
    const rows = await tx.insertInto("workflow_runs")
      .values(runs.slice(start, start + BATCH_ROWS).map(toRunRow))
      .onConflict((conflict) => conflict.column("id").doNothing())
      .returning("id").execute();
    for (const { id } of rows) added.add(id);
  }
  return added;
}
