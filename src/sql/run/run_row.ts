import { sql } from "kysely";
import { type Run, RUN_FIELDS } from "../../run/run.ts";

/** The column of each field of a run. */
const COLUMNS = { ...RUN_FIELDS, source: "source" } as const satisfies Record<keyof Run, string>;

/** The columns that make up a Run. */
export type RunRow = { -readonly [Field in keyof Run as (typeof COLUMNS)[Field]]: Run[Field] };

export interface RunTable extends RunRow {
  created_ms: number;
  updated_ms: number;
  /** 1 until the run has completed, then 0; for the Reconciler. */
  is_unfinished: number;
}

const ENTRIES = Object.entries(COLUMNS) as readonly (readonly [keyof Run, keyof RunRow])[];

/**
 * The columns of a RunRow of `r`. Plain text, because building a node per column takes longer than the rest of a list query.
 * Not `r.*`: PostgreSQL's table has a further, long column.
 */
export const RUN_COLUMNS = sql.raw(
  ENTRIES.map(([, column]) => `r.${column}`).join(", "),
);

export function toRunRow(run: Run): RunTable {
  const row: Record<string, unknown> = {};
  for (const [field, column] of ENTRIES) row[column] = run[field];
  return {
    ...row as RunRow,
    created_ms: Date.parse(run.createdAt),
    updated_ms: Date.parse(run.updatedAt),
    is_unfinished: run.status === "completed" ? 0 : 1,
  };
}

export function toRun(row: RunRow): Run {
  const run: Record<string, unknown> = {};
  for (const [field, column] of ENTRIES) run[field] = row[column];
  return run as unknown as Run;
}

/** Orders the states of a run, attempt or job in SQL: 2 if completed, 1 if in progress, 0 before. */
export function statusRank(status: string | null): number {
  if (status === "completed") return 2;
  return status === "in_progress" ? 1 : 0;
}
