import { sql, type SqlBool } from "kysely";
import type { ReportedJob } from "../../run/change_set.ts";
import type { Job } from "../../run/history.ts";
import type { Tx } from "../handles.ts";
import type { JobTable } from "../tables.ts";
import { upsert } from "../upsert.ts";
import { statusRank } from "./run_row.ts";

/** Stores jobs, each in its latest state: the highest status, then the latest time. Their runs must be stored and locked. */
export async function upsertJobs(tx: Tx, reports: readonly ReportedJob[]): Promise<void> {
  const latest = new Map<number, JobTable>();
  for (const next of reports.map(toJobRow)) {
    const old = latest.get(next.id);
    if (!old || !isEarlier(next, old)) latest.set(next.id, next);
  }
  await upsert(tx, "jobs", [...latest.values()], {
    key: ["id"],
    except: ["run_id"],
    where: sql<SqlBool>`(excluded.status_rank, excluded.observed_ms) >=
      (jobs.status_rank, jobs.observed_ms)`,
  });
}

function isEarlier(a: JobTable, b: JobTable): boolean {
  return a.status_rank < b.status_rank ||
    (a.status_rank === b.status_rank && a.observed_ms < b.observed_ms);
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
