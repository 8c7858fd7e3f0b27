import type { Clock } from "../clock.ts";
import type { Event } from "../feed/event.ts";
import type { Changes } from "../run/change.ts";
import type { Tx } from "./database.ts";
import { mergeRepositories, removeRepositories } from "./repository.ts";
import { RunBatch } from "./run_batch.ts";

/**
 * Merges into what is kept all that GitHub told, time after time. Returns the events that tell what each of them has
 * changed.
 */
export async function applyChanges(
  tx: Tx,
  told: readonly Changes[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly Event[])[]> {
  const ofRepositories: (readonly Event[])[] = [];
  for (const { repositories, removedRepositories } of told) {
    ofRepositories.push([
      ...await mergeRepositories(tx, repositories),
      ...await removeRepositories(tx, removedRepositories, { clock }),
    ]);
  }
  const batch = await RunBatch.lock(tx, {
    runs: told.flatMap(({ runs }) => runs),
    jobs: told.flatMap(({ jobs }) => jobs),
  });
  const events = told.map(({ runs, jobs }, at) => [
    ...ofRepositories[at] ?? [],
    ...runs.flatMap((run) => batch.merge(run)),
    ...jobs.flatMap((job) => batch.mergeJob(job)),
  ]);
  await batch.write();
  return events;
}
