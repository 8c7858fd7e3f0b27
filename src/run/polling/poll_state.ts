import type { StoredEvent } from "../../feed/event.ts";
import type { FollowedRepository } from "../../repository/follow_store.ts";
import type { Run } from "../run.ts";
import { pollInterval } from "./poll_interval.ts";

/** A webhook that has not arrived this long after its run changed is considered lost. */
const WEBHOOK_LATE_MS = 60_000;
/** How long polling ignores a webhook after it missed a run. */
const WEBHOOK_DISTRUST_MS = 60 * 60_000;

/** The state of polling one followed repository. Times in ms since the epoch. */
export interface PollState {
  readonly repository: FollowedRepository;
  readonly polledAt: number;
  /** The last update of a run. */
  readonly lastActivityAt: number;
  readonly hasUnfinishedRun: boolean;
  /** Whether a webhook reported the stored state of its latest run. */
  readonly hasWebhookEvents: boolean;
  readonly webhookTrustedFrom: number;
}

/** The state of a repository that has not been polled yet. */
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

/** When to poll again, in ms since the epoch. `webhooksEnabled`: whether Runwire accepts webhooks. */
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

/** The state after a poll at `now` that returned the runs `latest`, of which `events` report the changed ones. */
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
  // Before the first poll, Runwire may not have been running when the webhook was sent.
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
