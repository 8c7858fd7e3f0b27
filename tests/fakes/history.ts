import { isVisible, type Visibility } from "../../src/visibility.ts";
import type { StorageError } from "../../src/errors.ts";
import type { RunDetail, RunHistory, RunList, RunQuery } from "../../src/run/history.ts";
import type { Run } from "../../src/run/run.ts";
import { newestFirst } from "../../src/run/run.ts";
import { aRun } from "./github.ts";

/** A past that a test holds in its hand. */
export class FakeHistory implements RunHistory {
  /** Every list that was asked for. */
  readonly queries: RunQuery[] = [];
  runs: Run[] = [aRun()];
  detailOf: RunDetail | undefined;
  /** What lists say about how many runs there are. */
  total: number | undefined;
  trouble: StorageError | undefined;

  list(query: RunQuery): Promise<RunList> {
    this.queries.push(query);
    return this.#answer({ total: this.total ?? this.runs.length, runs: this.runs });
  }

  detail(id: number, visible: Visibility): Promise<RunDetail | undefined> {
    const { detailOf } = this;
    const isThere = detailOf?.run.id === id && isVisible(visible, detailOf.run.repository);
    return this.#answer(isThere ? detailOf : undefined);
  }

  latestByWorkflow(
    workflowIds: readonly number[],
    { count, visible }: { readonly count: number; readonly visible: Visibility },
  ): Promise<readonly Run[]> {
    const runs = this.runs.filter(({ repository }) => isVisible(visible, repository));
    return this.#answer(
      workflowIds.flatMap((id) =>
        runs.filter(({ workflowId }) => workflowId === id).sort(newestFirst).slice(0, count)
      ),
    );
  }

  #answer<T>(answer: T): Promise<T> {
    return this.trouble ? Promise.reject(this.trouble) : Promise.resolve(answer);
  }
}
