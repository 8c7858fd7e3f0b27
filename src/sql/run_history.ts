import type { RunDetail, RunHistory, RunList, RunQuery } from "../run/history.ts";
import type { Run } from "../run/run.ts";
import type { Database } from "./database.ts";
import { latestRunsOf, runDetail } from "./run_detail.ts";
import { listRuns } from "./run_list.ts";

/** Reads runs, their attempts and jobs in SQL. */
export class SqlRunHistory implements RunHistory {
  readonly #database: Pick<Database, "kind" | "read">;

  constructor(database: Pick<Database, "kind" | "read">) {
    this.#database = database;
  }

  list(query: RunQuery): Promise<RunList> {
    return this.#database.read((db) => listRuns(db, query, this.#database.kind));
  }

  detail(id: number): Promise<RunDetail | undefined> {
    return this.#database.read((db) => runDetail(db, id));
  }

  latestOf(workflowIds: readonly number[], count: number): Promise<readonly Run[]> {
    return this.#database.read((db) => latestRunsOf(db, workflowIds, count));
  }
}
