import type { Clock } from "../clock.ts";
import type { Event } from "../feed/event.ts";
import type { ChangeSet } from "../run/change_set.ts";
import { dropAccess, endUsers } from "./access.ts";
import type { Tx } from "./database.ts";
import { lockRepositories, mergeRepositories, removeRepositories } from "./repository.ts";
import { RunBatch } from "./run_batch.ts";

/**
 * Merges into what is kept all that GitHub told, time after time. Returns the events that tell what each of them has
 * changed.
 */
export async function applyChanges(
  tx: Tx,
  told: readonly ChangeSet[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly Event[])[]> {
  const known = await lockRepositories(tx, told.flatMap(repositoriesOf));
  const ofRepositories: (readonly Event[])[] = [];
  for (const { repositories, removedRepositories } of told) {
    ofRepositories.push([
      ...await mergeRepositories(tx, repositories, known),
      ...await removeRepositories(tx, removedRepositories, { clock }),
    ]);
    for (const id of removedRepositories) known.delete(id);
  }
  await dropAccess(tx, accessChangedIn(told));
  await endUsers(tx, told.flatMap(({ revokedUsers }) => revokedUsers));
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

function repositoriesOf({ repositories, removedRepositories }: ChangeSet): readonly number[] {
  return [...repositories.map(({ id }) => id), ...removedRepositories];
}

/** Of so many, each would cost more than to ask about all anew. */
const MANY = 500;

function accessChangedIn(told: readonly ChangeSet[]): readonly number[] | "all" {
  const ids = new Set<number>();
  for (const { accessChanged } of told) {
    if (accessChanged === "all") return "all";
    for (const id of accessChanged) ids.add(id);
  }
  return ids.size > MANY ? "all" : [...ids];
}
