import type { Job } from "../../run/history.ts";
import type { ReportedJob } from "../../run/change_set.ts";
import type { Tx } from "../database.ts";
import { statusRank } from "../progress.ts";
import type { JobTable } from "../tables.ts";

/** Rows that one statement writes: SQLite takes 32,766 values. */
const BATCH_ROWS = 1_000;

/** Keeps jobs, each in its latest state: how far it has come decides, then when it got there. Their runs are kept, and locked. */
export async function upsertJobs(tx: Tx, reports: readonly ReportedJob[]): Promise<void> {
  const latest = new Map<number, JobTable>();
  for (const next of reports.map(toJobRow)) {
    const old = latest.get(next.id);
    if (!old || !isEarlier(next, old)) latest.set(next.id, next);
  }
  const rows = [...latest.values()];
  for (let start = 0; start < rows.length; start += BATCH_ROWS) {
    await upsert(tx, rows.slice(start, start + BATCH_ROWS));
  }
}

function isEarlier(a: JobTable, b: JobTable): boolean {
  return a.status_rank < b.status_rank ||
    (a.status_rank === b.status_rank && a.observed_ms < b.observed_ms);
}

/** The same comparison, with what is kept. */
async function upsert(tx: Tx, rows: readonly JobTable[]): Promise<void> {
  await tx.insertInto("jobs").values(rows)
    .onConflict((conflict) =>
      conflict.column("id")
        .doUpdateSet((eb) => ({
          run_attempt: eb.ref("excluded.run_attempt"),
          name: eb.ref("excluded.name"),
          status: eb.ref("excluded.status"),
          conclusion: eb.ref("excluded.conclusion"),
          created_at: eb.ref("excluded.created_at"),
          started_at: eb.ref("excluded.started_at"),
          started_ms: eb.ref("excluded.started_ms"),
          completed_at: eb.ref("excluded.completed_at"),
          completed_ms: eb.ref("excluded.completed_ms"),
          runner_name: eb.ref("excluded.runner_name"),
          html_url: eb.ref("excluded.html_url"),
          status_rank: eb.ref("excluded.status_rank"),
          observed_ms: eb.ref("excluded.observed_ms"),
        }))
        .where(({ eb, and, or, ref }) =>
          or([
            eb("excluded.status_rank", ">", ref("jobs.status_rank")),
            and([
              eb("excluded.status_rank", "=", ref("jobs.status_rank")),
              eb("excluded.observed_ms", ">=", ref("jobs.observed_ms")),
            ]),
          ])
        )
    )
    .execute();
}

function toJobRow({ job, at }: ReportedJob): JobTable {
  return {
    id: job.id,
    run_id: job.runId,
    run_attempt: job.runAttempt,
    name: job.name,
    status: job.status,
    conclusion: job.conclusion,
    created_at: job.createdAt,
    started_at: job.startedAt,
    started_ms: parseTime(job.startedAt),
    completed_at: job.completedAt,
    completed_ms: parseTime(job.completedAt),
    runner_name: job.runnerName,
    html_url: job.htmlUrl,
    status_rank: statusRank(job.status),
    observed_ms: Date.parse(at),
  };
}

export function toJob(row: JobTable): Job {
  return {
    id: row.id,
    runId: row.run_id,
    runAttempt: row.run_attempt,
    name: row.name,
    status: row.status,
    conclusion: row.conclusion,
    createdAt: row.created_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    runnerName: row.runner_name,
    htmlUrl: row.html_url,
  };
}

function parseTime(time: string | null): number | null {
  return time === null ? null : Date.parse(time);
}
