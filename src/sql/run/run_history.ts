import type { Visibility } from "../../visibility.ts";
import type { RunDetail, RunHistory, RunList, RunQuery } from "../../run/history.ts";
import type { Run } from "../../run/run.ts";
import type { Database } from "../database.ts";
import { readLatestRuns, readRunDetail } from "./run_detail.ts";
import { listRuns } from "./run_list.ts";
import { isEmptyVisibility, narrowVisibility } from "../clauses.ts";

/** Reads runs, their attempts and jobs in SQL. */
export class SqlRunHistory implements RunHistory {
  readonly #database: Pick<Database, "kind" | "read">;

  constructor(database: Pick<Database, "kind" | "read">) {
    this.#database = database;
  }

  async list(query: RunQuery): Promise<RunList> {
    const visible = narrowVisibility(query);
    if (isEmptyVisibility(visible)) return { total: 0, runs: [] };
    return await this.#database.read((db) =>
      listRuns(db, { ...query, visible }, this.#database.kind)
    );
  }

  detail(id: number, visible: Visibility): Promise<RunDetail | undefined> {
    return this.#database.read((db) => readRunDetail(db, id, visible));
  }

  latestByWorkflow(
    workflowIds: readonly number[],
    options: { readonly count: number; readonly visible: Visibility },
  ): Promise<readonly Run[]> {
    return this.#database.read((db) => readLatestRuns(db, workflowIds, options));
  }
}
