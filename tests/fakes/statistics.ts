import { isVisible } from "../../src/visibility.ts";
import type { Distribution, RunStatistics, StatisticsQuery } from "../../src/run/statistics.ts";
import type { Db } from "../../src/sql/database.ts";
import type { AttemptTable, JobTable, RunTable, WorkflowTable } from "../../src/sql/tables.ts";

/** Everything from which statistics are counted. */
export interface Past {
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

export async function readPast(db: Db): Promise<Past> {
  return {
    runs: await db.selectFrom("workflow_runs").selectAll().execute(),
    attempts: await db.selectFrom("run_attempts").selectAll().execute(),
    jobs: await db.selectFrom("jobs").selectAll().execute(),
    workflows: await db.selectFrom("workflows").selectAll().execute(),
    repositories: await db.selectFrom("repositories")
      .select(["id", "full_name", "default_branch"]).execute(),
  };
}

/** What statistics tell, with the exact percentiles. */
export interface Expected {
  readonly totals: RunStatistics;
  /** Of all pages. */
  readonly groups: readonly { readonly key: string; readonly figures: RunStatistics }[];
}

/** Counts everything by looking at everything, as docs/statistics.md says. */
export class BruteForce {
  readonly #past: Past;

  constructor(past: Past) {
    this.#past = past;
  }

  answer(query: Omit<StatisticsQuery, "page" | "perPage">): Expected {
    const runs = this.#completed().filter((run) => this.#isAsked(run, query));
    const keys = query.groupBy === "day" || query.groupBy === "week"
      ? daysFrom(query).map((day) => query.groupBy === "day" ? day : mondayBefore(day))
      : ranked(runs, (run) => this.#keyOf(run, query.groupBy));
    const groups = [...new Set(keys)].map((key) => ({
      key,
      figures: this.#figures(runs.filter((run) => this.#keyOf(run, query.groupBy) === key)),
    }));
    return { totals: this.#figures(runs), groups };
  }

  #completed(): readonly RunTable[] {
    return this.#past.runs.filter(({ status }) => status === "completed");
  }

  #isAsked(run: RunTable, query: Omit<StatisticsQuery, "page" | "perPage">): boolean {
    const { visible, repository, workflowId, branch } = query;
    return isVisible(visible, this.#workflow(run).repository) &&
      dayOf(run) >= query.from && dayOf(run) <= query.to &&
      (repository === undefined ||
        this.#workflow(run).repository.toLowerCase() === repository.toLowerCase()) &&
      (workflowId === undefined || run.workflow_id === workflowId) &&
      (branch === undefined || run.branch === branch);
  }

  #keyOf(run: RunTable, groupBy: StatisticsQuery["groupBy"]): string {
    if (groupBy === "day") return dayOf(run);
    if (groupBy === "week") return mondayBefore(dayOf(run));
    return groupBy === "workflow" ? String(run.workflow_id) : this.#workflow(run).repository;
  }

  #workflow(run: RunTable): WorkflowTable {
    const workflow = this.#past.workflows.find(({ id }) => id === run.workflow_id);
    if (!workflow) throw new Error(`Run ${run.id} has no workflow`);
    return workflow;
  }

  #figures(runs: readonly RunTable[]): RunStatistics {
    const count = (...conclusions: string[]) =>
      runs.filter(({ conclusion }) => conclusion !== null && conclusions.includes(conclusion))
        .length;
    const [successes, failures] = [count("success"), count("failure", "startup_failure")];
    const timedOut = count("timed_out");
    const recoveries = runs.flatMap((run) => this.#recovery(run) ?? []);
    const telling = runs.filter(isTelling);
    return {
      runs: runs.length,
      successes,
      failures,
      cancelled: count("cancelled"),
      timedOut,
      successRate: telling.length === 0 ? null : successes / (successes + failures + timedOut),
      duration: distribution(telling.map(durationOf)),
      queue: distribution(runs.flatMap((run) => this.#queue(run) ?? [])),
      reruns: runs.reduce((sum, { run_attempt }) => sum + run_attempt - 1, 0),
      flaky: runs.filter((run) => this.#isFlaky(run)).length,
      minutesUsed: runs.reduce((sum, run) => sum + this.#minutes(run), 0),
      recoveries: recoveries.length,
      redToGreenSeconds: average(recoveries),
    };
  }

  #queue(run: RunTable): number | undefined {
    const starts = this.#past.jobs
      .filter((job) => job.run_id === run.id && job.run_attempt === run.run_attempt)
      .filter(hasRun).map(({ started_at }) => seconds(started_at));
    if (starts.length === 0) return undefined;
    return Math.max(0, Math.min(...starts) - seconds(run.started_at ?? run.created_at));
  }

  #minutes(run: RunTable): number {
    const jobs = this.#past.jobs.filter(({ run_id }) => run_id === run.id);
    if (jobs.length === 0) {
      return isTelling(run) || run.conclusion === "cancelled" ? Math.ceil(durationOf(run) / 60) : 0;
    }
    let minutes = 0;
    for (const job of jobs) {
      if (!hasRun(job) || job.completed_at === null) continue;
      minutes += Math.max(0, Math.ceil((seconds(job.completed_at) - seconds(job.started_at)) / 60));
    }
    return minutes;
  }

  #isFlaky(run: RunTable): boolean {
    if (run.conclusion !== "success") return false;
    const attempt = this.#past.attempts
      .filter((each) => each.run_id === run.id && each.run_attempt < run.run_attempt)
      .filter(isTelling).sort((a, b) => b.run_attempt - a.run_attempt)[0];
    if (attempt && isRed(attempt)) return true;
    const before = this.#before(run).filter((each) => each.head_sha === run.head_sha).at(-1);
    return before !== undefined && isRed(before);
  }

  #recovery(run: RunTable): number | undefined {
    const names = this.#past.repositories
      .filter((each) => each.full_name.toLowerCase() === run.repository.toLowerCase())
      .filter((each) => each.default_branch !== null).sort((a, b) => b.id - a.id);
    if (run.conclusion !== "success" || run.branch === null) return undefined;
    if (run.branch !== names[0]?.default_branch) return undefined;
    let firstRed: RunTable | undefined;
    for (const each of this.#before(run).filter(({ branch }) => branch === run.branch)) {
      firstRed = isRed(each) ? firstRed ?? each : undefined;
    }
    if (!firstRed) return undefined;
    return Math.max(0, seconds(run.updated_at) - seconds(firstRed.updated_at));
  }

  /** The completed runs of its workflow that came before it and say something, in order. */
  #before(run: RunTable): readonly RunTable[] {
    return this.#completed().filter((each) => each.workflow_id === run.workflow_id)
      .filter(isTelling).filter((each) => inOrder(each, run) < 0).sort(inOrder);
  }
}

function inOrder(a: RunTable, b: RunTable): number {
  return a.id - b.id;
}

function isRed({ conclusion }: { readonly conclusion: string | null }): boolean {
  return ["failure", "startup_failure", "timed_out"].includes(conclusion ?? "");
}

function isTelling(each: { readonly conclusion: string | null }): boolean {
  return isRed(each) || each.conclusion === "success";
}

function hasRun({ status, conclusion, started_at }: JobTable): boolean {
  return started_at !== null && conclusion !== "skipped" &&
    ["in_progress", "completed"].includes(status ?? "");
}

function durationOf(run: RunTable): number {
  return Math.max(0, seconds(run.updated_at) - seconds(run.started_at ?? run.created_at));
}

function seconds(time: string | null): number {
  return Date.parse(time ?? "") / 1_000;
}

function dayOf(run: RunTable): string {
  return new Date(Date.parse(run.created_at)).toISOString().slice(0, 10);
}

function daysFrom({ from, to }: { readonly from: string; readonly to: string }): string[] {
  const days: string[] = [];
  for (const day = new Date(from); day <= new Date(to); day.setUTCDate(day.getUTCDate() + 1)) {
    days.push(day.toISOString().slice(0, 10));
  }
  return days;
}

function mondayBefore(day: string): string {
  const date = new Date(day);
  while (date.getUTCDay() !== 1) date.setUTCDate(date.getUTCDate() - 1);
  return date.toISOString().slice(0, 10);
}

/** Keys by their number of runs; those with as many by the lowest id of a workflow. */
function ranked(runs: readonly RunTable[], keyOf: (run: RunTable) => string): string[] {
  const groups = [...Map.groupBy(runs, keyOf)].map(([key, own]) => ({
    key,
    runs: own.length,
    id: Math.min(...own.map(({ workflow_id }) => workflow_id)),
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
