import type { Clock } from "../../clock.ts";
import type { Event } from "../../feed/event.ts";
import type { ChangeSet } from "../../run/change_set.ts";
import { invalidateAccess, revokeUsers } from "../account/access.ts";
import type { Tx } from "../database.ts";
import { lockRepositories, mergeRepositories, removeRepositories } from "../repository.ts";
import { RunBatch } from "../run/run_batch.ts";

/**
 * Merges into what is kept all that GitHub told, time after time. Returns the events that tell what each of them has
 * changed.
 */
export async function applyChanges(
  tx: Tx,
  changeSets: readonly ChangeSet[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly Event[])[]> {
  const stored = await lockRepositories(tx, changeSets.flatMap(repositoryIds));
  const repositoryEvents: (readonly Event[])[] = [];
  for (const { repositories, removedRepositories } of changeSets) {
    repositoryEvents.push([
      ...await mergeRepositories(tx, repositories, stored),
      ...await removeRepositories(tx, removedRepositories, { clock }),
    ]);
    for (const id of removedRepositories) stored.delete(id);
  }
  await invalidateAccess(tx, collectAccessChanges(changeSets));
  await revokeUsers(tx, changeSets.flatMap(({ revokedUsers }) => revokedUsers));
  const batch = await RunBatch.lock(tx, {
    runs: changeSets.flatMap(({ runs }) => runs),
    jobs: changeSets.flatMap(({ jobs }) => jobs),
  });
  const events = changeSets.map(({ runs, jobs }, at) => [
    ...repositoryEvents[at] ?? [],
    ...runs.flatMap((run) => batch.merge(run)),
    ...jobs.flatMap((job) => batch.mergeJob(job)),
  ]);
  await batch.write();
  return events;
}

function repositoryIds({ repositories, removedRepositories }: ChangeSet): readonly number[] {
  return [...repositories.map(({ id }) => id), ...removedRepositories];
}

/** Of so many, each would cost more than to ask about all anew. */
const MAX_INVALIDATED_REPOSITORIES = 500;

function collectAccessChanges(changeSets: readonly ChangeSet[]): readonly number[] | "all" {
  const ids = new Set<number>();
  for (const { accessChanged } of changeSets) {
    if (accessChanged === "all") return "all";
    for (const id of accessChanged) ids.add(id);
  }
  return ids.size > MAX_INVALIDATED_REPOSITORIES ? "all" : [...ids];
}
