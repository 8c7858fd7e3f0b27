import type { StoredEvent } from "../feed/event.ts";
import type { Repository, Workflow } from "./repository.ts";
import type { WebhookState } from "./webhook.ts";

/** A repository whose runs are polled. `pushedAt` is RFC 3339, other times are in ms since the epoch. */
export interface FollowedRepository extends Pick<Repository, "id" | "fullName" | "pushedAt"> {
  readonly polledAt: number | null;
  /** Whether Runwire has created a webhook there. */
  readonly hasWebhook: boolean;
  /** The error of the last poll. */
  readonly error: string | null;
}

/** A webhook to be created or removed. */
export interface PendingWebhook {
  readonly repositoryId: number;
  /** `owner/name` */
  readonly fullName: string;
  /** In ms since the epoch; `null` if the repository is not followed, so that the webhook must be removed. */
  readonly followedAt: number | null;
  readonly webhookId: number | null;
}

/** Stores which repositories are followed. All methods throw StorageError. */
export interface FollowStore {
  /**
   * Stores a repository with its workflows, and marks it as followed. Returns its events, stored in the same transaction;
   * `undefined` if it is already followed.
   */
  follow(
    repository: Repository,
    workflows: readonly Workflow[],
  ): Promise<readonly StoredEvent[] | undefined>;
  /** Marks a repository as not followed; its history stays. Returns `undefined` if it was not followed. */
  unfollow(id: number): Promise<PendingWebhook | undefined>;
  /** Followed repositories that are not removed, the most recently pushed first. */
  listFollowed(): Promise<readonly FollowedRepository[]>;
  recordPoll(
    id: number,
    state: { readonly at: number; readonly error: string | null },
  ): Promise<void>;
  /** Webhooks to be created or removed; `includeFailed` adds webhooks that could not be created before. */
  listPendingWebhooks(
    options: { readonly includeFailed: boolean },
  ): Promise<readonly PendingWebhook[]>;
  /** @param state `undefined` after the webhook was removed */
  saveWebhook(id: number, state: WebhookState | undefined): Promise<void>;
  /** Returns `owner/name` of a stored repository, followed or not; otherwise `undefined`. */
  findName(id: number): Promise<string | undefined>;
  /**
   * Deletes the runs, workflows and statistics of a repository, in many short transactions. Its events stay until they
   * expire. Returns how many runs were deleted.
   */
  purge(id: number, signal: AbortSignal): Promise<number>;
}
