import type { Visibility } from "../visibility.ts";
import type { RunDetail, RunHistory, RunList, RunQuery } from "../run/history.ts";
import type { Run } from "../run/run.ts";
import type { Database } from "./database.ts";
import { latestRunsOf, runDetail } from "./run_detail.ts";
import { listRuns } from "./run_list.ts";
import { isNothing, visibleOf } from "./visible.ts";

/** Reads runs, their attempts and jobs in SQL. */
export class SqlRunHistory implements RunHistory {
  readonly #database: Pick<Database, "kind" | "read">;

  constructor(database: Pick<Database, "kind" | "read">) {
    this.#database = database;
  }

  async list(query: RunQuery): Promise<RunList> {
    const visible = visibleOf(query);
    if (isNothing(visible)) return { total: 0, runs: [] };
    return await this.#database.read((db) =>
      listRuns(db, { ...query, visible }, this.#database.kind)
    );
  }

  detail(id: number, visible: Visibility): Promise<RunDetail | undefined> {
    return this.#database.read((db) => runDetail(db, id, visible));
  }

  latestByWorkflow(
    workflowIds: readonly number[],
    of: { readonly count: number; readonly visible: Visibility },
  ): Promise<readonly Run[]> {
    return this.#database.read((db) => latestRunsOf(db, workflowIds, of));
  }
}
