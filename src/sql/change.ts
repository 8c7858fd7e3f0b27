import type { Clock } from "../clock.ts";
import type { Event } from "../feed/event.ts";
import { afterJob, type Changes, type JobState } from "../run/change.ts";
import type { Tx } from "./database.ts";
import { mergeRepositories, removeRepositories } from "./repository.ts";
import { lockRun, mergeRuns } from "./run.ts";

/** Merges into what is kept all that GitHub told in one go. Returns the events that tell what has changed. */
export async function applyChanges(
  tx: Tx,
  changes: Changes,
  { clock }: { readonly clock: Clock },
): Promise<readonly Event[]> {
  return [
    ...await mergeRepositories(tx, changes.repositories),
    ...await removeRepositories(tx, changes.removedRepositories, { clock }),
    ...await mergeRuns(tx, changes.runs),
    ...await mergeJobs(tx, changes.jobs),
  ];
}

/** A job of a run that is not kept tells nothing: the run itself will come. */
async function mergeJobs(tx: Tx, jobs: readonly JobState[]): Promise<readonly Event[]> {
  const events: Event[] = [];
  for (const job of jobs.toSorted((a, b) => a.runId - b.runId)) {
    const run = await lockRun(tx, job.runId);
    const after = run && afterJob(run, job);
    if (after && after !== run) events.push(...await mergeRuns(tx, [after]));
  }
  return events;
}
