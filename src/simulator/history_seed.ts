import type { WorkflowRun } from "./run.ts";
import { timestamp } from "./timestamp.ts";
import type { World } from "./world.ts";

const RUN_DURATION_MS = 60_000;

/**
 * Gives a repository runs that were created at `times` (ms since the epoch, the oldest first) and succeeded a minute later.
 * The world must keep so many: `runsKept`.
 */
export function addHistoricalRuns(
  world: World,
  fullName: string,
  times: readonly number[],
): readonly WorkflowRun[] {
  return times.map((ms) =>
    world.addRun(fullName, {
      status: "completed",
      created_at: timestamp(ms),
      updated_at: timestamp(ms + RUN_DURATION_MS),
    })
  );
}
