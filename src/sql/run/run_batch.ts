import type { Event } from "../../feed/event.ts";
import { applyJobState, type JobState, type ReportedJob } from "../../run/change_set.ts";
import { runEvent } from "../../run/event.ts";
import { isSameState, merge, type Run } from "../../run/run.ts";
import { upsertAttempts } from "./run_attempt.ts";
import type { Tx } from "../database.ts";
import { upsertJobs } from "./job_row.ts";
import { toRun, toRunRow } from "./run_row.ts";
import { updateStatistics } from "../statistics/update.ts";
import type { RunTable } from "../tables.ts";
import { upsertRunWorkflows } from "../workflow.ts";

/** Rows that one statement writes: PostgreSQL takes 65,535 values. */
const BATCH_ROWS = 1_000;

/**
 * The runs that a transaction changes, with their attempts and jobs: read once, changed in memory in the order in which they
 * are told, written once.
 */
export class RunBatch {
  readonly #tx: Tx;
  /** As they are in the table. */
  readonly #stored: Map<number, Run>;
  /** As they are to be. */
  readonly #current: Map<number, Run>;
  /** States that tell something new of an attempt, be it an older one. */
  readonly #attempts: Run[] = [];
  readonly #jobs: ReportedJob[] = [];

  private constructor(tx: Tx, existing: readonly Run[], added: readonly Run[]) {
    this.#tx = tx;
    this.#current = new Map(existing.map((run) => [run.id, run]));
    this.#stored = new Map([...existing, ...added].map((run) => [run.id, run]));
  }

  /**
   * Until the transaction ends nobody else changes what will be merged: `runs`, and the runs of `jobs`. Rows are locked in
   * the order of their ids, so that no two transactions wait for each other.
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
    // Another transaction came first.
    const insertedConcurrently = missing.filter(({ id }) => !added.has(id)).map(({ id }) => id);
    return new RunBatch(
      tx,
      [...existing, ...await selectForUpdate(tx, insertedConcurrently)],
      missing.filter(({ id }) => added.has(id)),
    );
  }

  /** Returns the events that tell what has changed. */
  merge(run: Run): readonly Event[] {
    const old = this.#current.get(run.id);
    const merged = old ? merge(old, run) : run;
    this.#current.set(run.id, merged);
    if (merged !== old || run.runAttempt < merged.runAttempt) this.#attempts.push(run);
    return old && isSameState(old, merged) ? [] : [runEvent(merged)];
  }

  /**
   * A job of a run that is not kept tells nothing: the run itself will come, and the job with its next state or with the
   * JobCollector (run/jobs.ts).
   */
  mergeJob(state: JobState): readonly Event[] {
    if (state.job) this.addJob({ job: state.job, at: state.at });
    const run = this.#current.get(state.runId);
    const updated = run && applyJobState(run, state);
    return updated && updated !== run ? this.merge(updated) : [];
  }

  /** Keeps a job without telling of its run. */
  addJob(report: ReportedJob): void {
    if (this.#stored.has(report.job.runId)) this.#jobs.push(report);
  }

  /** Writes what has changed. */
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

  /** The runs of which anything is written. */
  #touchedRunIds(): readonly number[] {
    return [...this.#attempts.map(({ id }) => id), ...this.#jobs.map(({ job }) => job.runId)];
  }

  /** A run that is run again had ended before. */
  #hasCompleted(id: number): boolean {
    return [this.#stored, this.#current].some((runs) => runs.get(id)?.status === "completed");
  }
}

/** Those alone, as SQLite writes every index anew of which a column is set. */
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

/** Returns the ids of those that were not there. */
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
