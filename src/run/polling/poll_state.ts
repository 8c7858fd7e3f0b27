import type { StoredEvent } from "../../feed/event.ts";
import type { FollowedRepository } from "../../repository/follow_store.ts";
import { pollInterval } from "./poll_interval.ts";
import type { Run } from "../run.ts";

/** A webhook that has not come so long after what it tells will not come. */
const WEBHOOK_LATE_MS = 60_000;
/** For so long a webhook that missed something is not relied on. */
const WEBHOOK_DISTRUST_MS = 60 * 60_000;

/** What is known of a followed repository from one poll to the next. Times in ms since the epoch. */
export interface PollState {
  readonly repository: FollowedRepository;
  readonly polledAt: number;
  /** When a run was last heard to have moved. */
  readonly lastActivityAt: number;
  readonly hasUnfinishedRun: boolean;
  /** Whether what is known of its latest run came by webhook. */
  readonly hasWebhookEvents: boolean;
  /** From when on its webhook is relied on. */
  readonly webhookTrustedFrom: number;
}

/** A repository that was not asked for yet. */
export function initialPollState(repository: FollowedRepository): PollState {
  return {
    repository,
    polledAt: -Infinity,
    lastActivityAt: -Infinity,
    hasUnfinishedRun: false,
    hasWebhookEvents: false,
    webhookTrustedFrom: -Infinity,
  };
}

/** When to ask for it again; `takesWebhooks` says whether any are taken in at all. */
export function nextPollAt(
  { repository, polledAt, lastActivityAt, hasUnfinishedRun, hasWebhookEvents, webhookTrustedFrom }:
    PollState,
  { webhooksEnabled }: { readonly webhooksEnabled: boolean },
): number {
  if (polledAt === -Infinity) return -Infinity;
  const pushedAt = repository.pushedAt === null ? -Infinity : Date.parse(repository.pushedAt);
  return polledAt + pollInterval({
    lastActivityAt: Math.max(lastActivityAt, pushedAt),
    hasUnfinishedRun,
    hasWebhook: webhooksEnabled && (repository.hasWebhook || hasWebhookEvents) &&
      polledAt >= webhookTrustedFrom,
    hasError: repository.error !== null,
  }, polledAt);
}

/** As it is known once it was asked for at `now`: `latest` are its runs, `events` tell what was new in them. */
export function afterPoll(
  previous: PollState,
  { latest, events, hasWebhookEvents, now }: {
    readonly latest: readonly Run[];
    readonly events: readonly StoredEvent[];
    readonly hasWebhookEvents: boolean;
    readonly now: number;
  },
): PollState {
  const isLate = (event: StoredEvent) =>
    event.type === "run" && Date.parse(event.data.updated_at) < now - WEBHOOK_LATE_MS;
  // At the first look we may have been stopped when the webhook came.
  const hasMissedEvent = previous.polledAt !== -Infinity && events.some(isLate);
  return {
    repository: { ...previous.repository, error: null },
    polledAt: now,
    lastActivityAt: Math.max(...latest.map((run) => Date.parse(run.updatedAt))),
    hasUnfinishedRun: latest.some((run) => run.status !== "completed"),
    hasWebhookEvents,
    webhookTrustedFrom: hasMissedEvent ? now + WEBHOOK_DISTRUST_MS : previous.webhookTrustedFrom,
  };
}
