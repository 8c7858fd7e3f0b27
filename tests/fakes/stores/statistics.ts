import { isVisible } from "../../../src/visibility.ts";
import type { Distribution, RunStatistics, StatisticsQuery } from "../../../src/run/statistics.ts";
import type { Db } from "../../../src/sql/handles.ts";
import type { AttemptTable, JobTable, WorkflowTable } from "../../../src/sql/tables.ts";
import type { RunTable } from "../../../src/sql/run/run_row.ts";

/** The rows from which statistics are computed. */
export interface StatisticsRows {
  readonly runs: readonly RunTable[];
  readonly attempts: readonly AttemptTable[];
  readonly jobs: readonly JobTable[];
  readonly workflows: readonly WorkflowTable[];
  readonly repositories: readonly {
    readonly id: number;
    readonly full_name: string;
    readonly default_branch: string | null;
  }[];
}

export async function readRunRows(db: Db): Promise<StatisticsRows> {
  return {
    runs: await db.selectFrom("workflow_runs").selectAll().execute(),
    attempts: await db.selectFrom("run_attempts").selectAll().execute(),
    jobs: await db.selectFrom("jobs").selectAll().execute(),
    workflows: await db.selectFrom("workflows").selectAll().execute(),
    repositories: await db.selectFrom("repositories")
      .select(["id", "full_name", "default_branch"]).execute(),
  };
}

/** Statistics with exact percentiles. */
export interface ExpectedStatistics {
  readonly totals: RunStatistics;
  /** On all pages. */
  readonly groups: readonly { readonly key: string; readonly statistics: RunStatistics }[];
}

/** Computes statistics from all rows, as defined in docs/statistics.md. */
export class ReferenceStatistics {
  readonly #rows: StatisticsRows;

  constructor(rows: StatisticsRows) {
    this.#rows = rows;
  }

  compute(query: Omit<StatisticsQuery, "page" | "perPage">): ExpectedStatistics {
    const runs = this.#completed().filter((run) => this.#matches(run, query));
    const keys = query.groupBy === "day" || query.groupBy === "week"
      ? listDays(query).map((day) => query.groupBy === "day" ? day : toWeekStart(day))
      : rankKeys(runs, (run) => this.#groupKey(run, query.groupBy));
    const groups = [...new Set(keys)].map((key) => ({
      key,
      statistics: this.#computeGroup(
        runs.filter((run) => this.#groupKey(run, query.groupBy) === key),
      ),
    }));
    return { totals: this.#computeGroup(runs), groups };
  }

  #completed(): readonly RunTable[] {
    return this.#rows.runs.filter(({ status }) => status === "completed");
  }

  #matches(run: RunTable, query: Omit<StatisticsQuery, "page" | "perPage">): boolean {
    const { visibility, repository, workflowId, branch } = query;
    return isVisible(visibility, this.#workflow(run).repository) &&
      toDay(run) >= query.from && toDay(run) <= query.to &&
      (repository === undefined ||
        this.#workflow(run).repository.toLowerCase() === repository.toLowerCase()) &&
      (workflowId === undefined || run.workflow_id === workflowId) &&
      (branch === undefined || run.branch === branch);
  }

  #groupKey(run: RunTable, groupBy: StatisticsQuery["groupBy"]): string {
    if (groupBy === "day") return toDay(run);
    if (groupBy === "week") return toWeekStart(toDay(run));
    return groupBy === "workflow" ? String(run.workflow_id) : this.#workflow(run).repository;
  }

  #workflow(run: RunTable): WorkflowTable {
    const workflow = this.#rows.workflows.find(({ id }) => id === run.workflow_id);
    if (!workflow) throw new Error(`Run ${run.id} has no workflow`);
    return workflow;
  }

  #computeGroup(runs: readonly RunTable[]): RunStatistics {
    const count = (...conclusions: string[]) =>
      runs.filter(({ conclusion }) => conclusion !== null && conclusions.includes(conclusion))
        .length;
    const [successes, failures] = [count("success"), count("failure", "startup_failure")];
    const timedOut = count("timed_out");
    const recoveries = runs.flatMap((run) => this.#recoverySeconds(run) ?? []);
    const conclusive = runs.filter(isConclusive);
    return {
      runs: runs.length,
      successes,
      failures,
      cancelled: count("cancelled"),
      timedOut,
      successRate: conclusive.length === 0 ? null : successes / (successes + failures + timedOut),
      duration: distribution(conclusive.map(durationSeconds)),
      queue: distribution(runs.flatMap((run) => this.#queueSeconds(run) ?? [])),
      reruns: runs.reduce((sum, { run_attempt }) => sum + run_attempt - 1, 0),
      flaky: runs.filter((run) => this.#isFlaky(run)).length,
      minutesUsed: runs.reduce((sum, run) => sum + this.#minutes(run), 0),
      recoveries: recoveries.length,
      redToGreenSeconds: average(recoveries),
    };
  }

  #queueSeconds(run: RunTable): number | undefined {
    const starts = this.#rows.jobs
      .filter((job) => job.run_id === run.id && job.run_attempt === run.run_attempt)
      .filter(hasStarted).map(({ started_at }) => toSeconds(started_at));
    if (starts.length === 0) return undefined;
    return Math.max(0, Math.min(...starts) - toSeconds(run.started_at ?? run.created_at));
  }

  #minutes(run: RunTable): number {
    const jobs = this.#rows.jobs.filter(({ run_id }) => run_id === run.id);
    if (jobs.length === 0) {
      return isConclusive(run) || run.conclusion === "cancelled"
        ? Math.ceil(durationSeconds(run) / 60)
        : 0;
    }
    let minutes = 0;
    for (const job of jobs) {
      if (!hasStarted(job) || job.completed_at === null) continue;
      minutes += Math.max(
        0,
        Math.ceil((toSeconds(job.completed_at) - toSeconds(job.started_at)) / 60),
      );
    }
    return minutes;
  }

  #isFlaky(run: RunTable): boolean {
    if (run.conclusion !== "success") return false;
    const attempt = this.#rows.attempts
      .filter((each) => each.run_id === run.id && each.run_attempt < run.run_attempt)
      .filter(isConclusive).sort((a, b) => b.run_attempt - a.run_attempt)[0];
    if (attempt && isFailure(attempt)) return true;
    const before = this.#runsBefore(run).filter((each) => each.head_sha === run.head_sha).at(-1);
    return before !== undefined && isFailure(before);
  }

  #recoverySeconds(run: RunTable): number | undefined {
    const names = this.#rows.repositories
      .filter((each) => each.full_name.toLowerCase() === run.repository.toLowerCase())
      .filter((each) => each.default_branch !== null).sort((a, b) => b.id - a.id);
    if (run.conclusion !== "success" || run.branch === null) return undefined;
    if (run.branch !== names[0]?.default_branch) return undefined;
    let firstFailure: RunTable | undefined;
    for (const each of this.#runsBefore(run).filter(({ branch }) => branch === run.branch)) {
      firstFailure = isFailure(each) ? firstFailure ?? each : undefined;
    }
    if (!firstFailure) return undefined;
    return Math.max(0, toSeconds(run.updated_at) - toSeconds(firstFailure.updated_at));
  }

  /** The earlier completed runs of the workflow that succeeded or failed, in order. */
  #runsBefore(run: RunTable): readonly RunTable[] {
    return this.#completed().filter((each) => each.workflow_id === run.workflow_id)
      .filter(isConclusive).filter((each) => compareIds(each, run) < 0).sort(compareIds);
  }
}

function compareIds(a: RunTable, b: RunTable): number {
  return a.id - b.id;
}

function isFailure({ conclusion }: { readonly conclusion: string | null }): boolean {
  return ["failure", "startup_failure", "timed_out"].includes(conclusion ?? "");
}

function isConclusive(each: { readonly conclusion: string | null }): boolean {
  return isFailure(each) || each.conclusion === "success";
}

function hasStarted({ status, conclusion, started_at }: JobTable): boolean {
  return started_at !== null && conclusion !== "skipped" &&
    ["in_progress", "completed"].includes(status ?? "");
}

function durationSeconds(run: RunTable): number {
  return Math.max(0, toSeconds(run.updated_at) - toSeconds(run.started_at ?? run.created_at));
}

function toSeconds(time: string | null): number {
  return Date.parse(time ?? "") / 1_000;
}

function toDay(run: RunTable): string {
  return new Date(Date.parse(run.created_at)).toISOString().slice(0, 10);
}

function listDays({ from, to }: { readonly from: string; readonly to: string }): string[] {
  const days: string[] = [];
  for (const day = new Date(from); day <= new Date(to); day.setUTCDate(day.getUTCDate() + 1)) {
    days.push(day.toISOString().slice(0, 10));
  }
  return days;
}

function toWeekStart(day: string): string {
  const date = new Date(day);
  while (date.getUTCDay() !== 1) date.setUTCDate(date.getUTCDate() - 1);
  return date.toISOString().slice(0, 10);
}

/** Sorts keys by their number of runs, then by the lowest workflow ID. */
function rankKeys(runs: readonly RunTable[], groupKey: (run: RunTable) => string): string[] {
  const groups = [...Map.groupBy(runs, groupKey)].map(([key, groupRuns]) => ({
    key,
    runs: groupRuns.length,
    id: Math.min(...groupRuns.map(({ workflow_id }) => workflow_id)),
  }));
  return groups.sort((a, b) => b.runs - a.runs || a.id - b.id).map(({ key }) => key);
}

function average(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}

function distribution(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b);
  const nearestRank = (percent: number) => sorted[Math.ceil(percent * sorted.length / 100) - 1];
  return {
    avg: average(values),
    p50: nearestRank(50) ?? null,
    p95: nearestRank(95) ?? null,
  };
}
