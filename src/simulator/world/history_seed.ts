import type { WorkflowRun } from "./run.ts";
import { timestamp } from "./timestamp.ts";
import type { World } from "./world.ts";

const RUN_DURATION_MS = 60_000;

/**
 * Adds runs created at `times` (ms since the epoch, oldest first) that succeeded a minute later. The world's `maxRuns` must
 * be high enough.
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
