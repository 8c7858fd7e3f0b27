import type { StoredEvent } from "../feed/event.ts";
import type { WebhookState } from "./catalog.ts";
import type { Repository, Workflow } from "./repository.ts";

/** A repository whose runs are asked for again and again. Times in ms since the epoch but `pushedAt`. */
export interface FollowedRepository extends Pick<Repository, "id" | "fullName" | "pushedAt"> {
  readonly polledAt: number | null;
  /** Whether a webhook that we created tells of it. */
  readonly hasWebhook: boolean;
  /** Why its runs could not be had when they were last asked for. */
  readonly error: string | null;
}

/** A webhook that is still to be created, or to be removed. */
export interface PendingWebhook {
  readonly repositoryId: number;
  /** `owner/name` */
  readonly fullName: string;
  /** In ms since the epoch; `null` when the repository is not followed, so that a webhook is to be removed. */
  readonly followedAt: number | null;
  readonly webhookId: number | null;
}

/** Where it is kept which repositories are followed. All throw StorageError. */
export interface FollowStore {
  /**
   * Keeps a repository with its workflows, and that it is followed. Returns the events that tell so, kept in the same
   * transaction; `undefined` when it is followed already.
   */
  follow(
    repository: Repository,
    workflows: readonly Workflow[],
  ): Promise<readonly StoredEvent[] | undefined>;
  /** Ends that; history stays. `undefined` when it was not followed. */
  unfollow(id: number): Promise<PendingWebhook | undefined>;
  /** Those that are there, the most recently pushed first. */
  listFollowed(): Promise<readonly FollowedRepository[]>;
  recordPoll(
    id: number,
    state: { readonly at: number; readonly error: string | null },
  ): Promise<void>;
  /** Webhooks to be created or removed; with `isRetry` also those that could not be created before. */
  listPendingWebhooks(
    options: { readonly includeFailed: boolean },
  ): Promise<readonly PendingWebhook[]>;
  /** `undefined` when there is none of ours any more. */
  saveWebhook(id: number, state: WebhookState | undefined): Promise<void>;
  /** `owner/name` of a repository, whether it is followed or not; `undefined` when it is not known at all. */
  findName(id: number): Promise<string | undefined>;
  /**
   * Forgets the runs and workflows of a repository, and what was counted of them, in many short transactions; the events
   * that told of them stay until their time is over. Returns how many runs there were.
   */
  purge(id: number, signal: AbortSignal): Promise<number>;
}
