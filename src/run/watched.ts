import type { StoredEvent } from "../feed/event.ts";
import type { FollowedRepository } from "../repository/follow.ts";
import { restOf } from "./follow_pace.ts";
import type { Run } from "./run.ts";

/** A webhook that has not come so long after what it tells will not come. */
const LATE_MS = 60_000;
/** For so long a webhook that missed something is not relied on. */
const DISTRUST_MS = 60 * 60_000;

/** What is known of a followed repository from one poll to the next. Times in ms since the epoch. */
export interface Watched {
  readonly repository: FollowedRepository;
  readonly polledAt: number;
  /** When a run was last heard to have moved. */
  readonly movedAt: number;
  readonly isUnfinished: boolean;
  /** Whether what is known of its latest run came by webhook. */
  readonly isTold: boolean;
  /** From when on its webhook is relied on. */
  readonly trustedFrom: number;
}

/** A repository that was not asked for yet. */
export function unseen(repository: FollowedRepository): Watched {
  return {
    repository,
    polledAt: -Infinity,
    movedAt: -Infinity,
    isUnfinished: false,
    isTold: false,
    trustedFrom: -Infinity,
  };
}

/** When to ask for it again; `takesWebhooks` says whether any are taken in at all. */
export function dueAt(
  { repository, polledAt, movedAt, isUnfinished, isTold, trustedFrom }: Watched,
  { takesWebhooks }: { readonly takesWebhooks: boolean },
): number {
  if (polledAt === -Infinity) return -Infinity;
  const pushedAt = repository.pushedAt === null ? -Infinity : Date.parse(repository.pushedAt);
  return polledAt + restOf({
    lastAt: Math.max(movedAt, pushedAt),
    isUnfinished,
    isHooked: takesWebhooks && (repository.isHooked || isTold) && polledAt >= trustedFrom,
    isInTrouble: repository.trouble !== null,
  }, polledAt);
}

/** As it is known once it was asked for at `now`: `latest` are its runs, `events` tell what was new in them. */
export function afterLook(
  watched: Watched,
  { latest, events, isTold, now }: {
    readonly latest: readonly Run[];
    readonly events: readonly StoredEvent[];
    readonly isTold: boolean;
    readonly now: number;
  },
): Watched {
  const isLate = (event: StoredEvent) =>
    event.type === "run" && Date.parse(event.data.updated_at) < now - LATE_MS;
  // At the first look we may have been stopped when the webhook came.
  const wasMissed = watched.polledAt !== -Infinity && events.some(isLate);
  return {
    repository: { ...watched.repository, trouble: null },
    polledAt: now,
    movedAt: Math.max(...latest.map((run) => Date.parse(run.updatedAt))),
    isUnfinished: latest.some((run) => run.status !== "completed"),
    isTold,
    trustedFrom: wasMissed ? now + DISTRUST_MS : watched.trustedFrom,
  };
}
