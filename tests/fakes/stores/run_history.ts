import { isVisible, type Visibility } from "../../../src/visibility.ts";
import type { StorageError } from "../../../src/errors.ts";
import type { RunDetail, RunHistory, RunList, RunQuery } from "../../../src/run/history.ts";
import { newestFirst, type Run } from "../../../src/run/run.ts";
import { aRun } from "./github.ts";

/** A run history whose data a test sets. */
export class FakeRunHistory implements RunHistory {
  /** The queries of all lists. */
  readonly queries: RunQuery[] = [];
  runs: Run[] = [aRun()];
  runDetail: RunDetail | undefined;
  /** The total of lists. */
  total: number | undefined;
  error: StorageError | undefined;

  list(query: RunQuery): Promise<RunList> {
    this.queries.push(query);
    return this.#respond({ total: this.total ?? this.runs.length, runs: this.runs });
  }

  detail(id: number, visibility: Visibility): Promise<RunDetail | undefined> {
    const { runDetail } = this;
    const isFound = runDetail?.run.id === id && isVisible(visibility, runDetail.run.repository);
    return this.#respond(isFound ? runDetail : undefined);
  }

  latestByWorkflow(
    workflowIds: readonly number[],
    { count, visibility }: { readonly count: number; readonly visibility: Visibility },
  ): Promise<readonly Run[]> {
    const runs = this.runs.filter(({ repository }) => isVisible(visibility, repository));
    return this.#respond(
      workflowIds.flatMap((id) =>
        runs.filter(({ workflowId }) => workflowId === id).sort(newestFirst).slice(0, count)
      ),
    );
  }

  #respond<T>(value: T): Promise<T> {
    return this.error ? Promise.reject(this.error) : Promise.resolve(value);
  }
}
