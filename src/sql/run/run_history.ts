import type { RunDetail, RunHistory, RunList, RunQuery } from "../../run/history.ts";
import type { Run } from "../../run/run.ts";
import type { Visibility } from "../../visibility.ts";
import { isEmptyVisibility, narrowVisibility } from "../clauses.ts";
import type { Database } from "../database.ts";
import { readLatestRuns, readRunDetail } from "./run_detail.ts";
import { listRuns } from "./run_list.ts";

/** Reads runs, their attempts and jobs from SQL. */
export class SqlRunHistory implements RunHistory {
  readonly #database: Pick<Database, "kind" | "read">;

  constructor(database: Pick<Database, "kind" | "read">) {
    this.#database = database;
  }

  async list(query: RunQuery): Promise<RunList> {
    const visibility = narrowVisibility(query);
    if (isEmptyVisibility(visibility)) return { total: 0, runs: [] };
    return await this.#database.read((db) =>
      listRuns(db, { ...query, visibility }, this.#database.kind)
    );
  }

  detail(id: number, visibility: Visibility): Promise<RunDetail | undefined> {
    return this.#database.read((db) => readRunDetail(db, id, visibility));
  }

  latestByWorkflow(
    workflowIds: readonly number[],
    options: { readonly count: number; readonly visibility: Visibility },
  ): Promise<readonly Run[]> {
    return this.#database.read((db) => readLatestRuns(db, workflowIds, options));
  }
}
