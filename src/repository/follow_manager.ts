import { isVisible, type Visibility } from "../visibility.ts";
import type { Clock } from "../clock.ts";
import { GitHubError, isGlobal, isTransient, toErrorMessage } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import type { WebhookState } from "./catalog.ts";
import type { FollowStore, PendingWebhook } from "./follow_store.ts";
import type { Repository, RepositoryLookup, WorkflowSource } from "./repository.ts";
import type { Webhooks } from "./webhook.ts";

const RECONCILE_INTERVAL_MS = 10 * 60_000;
/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests */
const MUTATION_INTERVAL_MS = 1_000;

export interface FollowManagerOptions {
  readonly clock: Clock;
  readonly store: FollowStore;
  readonly repositories: RepositoryLookup;
  readonly workflows: WorkflowSource;
  readonly webhooks: Webhooks;
  /** Takes in the latest runs of a repository. */
  readonly fetchLatestRuns: (fullName: string, signal: AbortSignal) => Promise<void>;
  /** Brings in the past of repositories, in the background. */
  readonly backfills: {
    start(repositoryId: number, days: number): Promise<void>;
    stop(repositoryId: number): Promise<void>;
  };
  /** Whether GitHub may be asked for what nobody waits for. */
  readonly canRequest: () => boolean;
  /** Told of what has changed. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  /** Told that other repositories are followed than before. */
  readonly onChange: () => void;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onGitHubError: (error: GitHubError) => void;
}

/** What came of the wish to follow a repository. */
export interface FollowResult {
  readonly repository: Repository;
  /** `undefined` when it was followed already. */
  readonly webhook: WebhookState | undefined;
}

/** What came of the wish to follow a repository no longer. */
export interface UnfollowResult {
  readonly runsPurged: number;
  /** Why the webhook that we had created is still there; it is removed later unless the credential may not. */
  readonly webhookError: string | undefined;
}

/** Which repositories are followed, and that each of them has its webhook, and others have none of ours. */
export class FollowManager {
  readonly #options: FollowManagerOptions;
  readonly #logger = log("repositories");
  readonly #stop = new AbortController();

  constructor(options: FollowManagerOptions) {
    this.#options = options;
  }

  /**
   * Follows a repository from now on, once GitHub has shown that it is there, and its workflows and runs. `backfillDays` asks
   * for the runs of so many days before, too. One that may not be read, where `mayRead` is given, is answered as one that is
   * not there.
   * @throws {GitHubError} `missing` with 404 when there is none, with another status when we may not read it; or for now
   * @throws {StorageError}, and what `mayRead` throws
   */
  async follow(
    fullName: string,
    { backfillDays, canRead }: {
      readonly backfillDays?: number | undefined;
      readonly canRead?: ((repository: Repository) => Promise<boolean>) | undefined;
    } = {},
  ): Promise<FollowResult> {
    const { store, backfills, onEvents, onChange } = this.#options;
    const repository = await this.#findRepository(fullName, canRead);
    const workflows = await this.#reportGlobalErrors(() => this.#fetchWorkflowsAndRuns(repository));
    const events = await store.follow(repository, workflows);
    if (events === undefined) return { repository, webhook: undefined };
    onEvents(events);
    onChange();
    if (backfillDays !== undefined) await backfills.start(repository.id, backfillDays);
    return { repository, webhook: await this.#createFirstWebhook(repository) };
  }

  /**
   * Follows a repository no longer; with `purge` its history is forgotten, also that of one which was not followed any more.
   * `undefined` when there is nothing to do so for, or it may not be seen.
   * @throws {StorageError}
   */
  async unfollow(
    id: number,
    { purge, visibility }: { readonly purge: boolean; readonly visibility: Visibility },
  ): Promise<UnfollowResult | undefined> {
    const { store, backfills, onChange } = this.#options;
    const fullName = await store.findName(id);
    if (fullName === undefined || !isVisible(visibility, fullName)) return undefined;
    const webhook = await store.unfollow(id);
    if (!webhook && !purge) return undefined;
    onChange();
    await backfills.stop(id);
    const webhookError = webhook && webhook.webhookId !== null
      ? await this.#removeWebhook(webhook, this.#stop.signal)
      : undefined;
    const runsPurged = purge ? await store.purge(id, this.#stop.signal) : 0;
    return { runsPurged, webhookError };
  }

  /** Whatever is asked for ends when `signal` aborts. */
  stopOn(signal: AbortSignal): void {
    signal.addEventListener("abort", () => this.#stop.abort(), { once: true });
  }

  /** Creates and removes what webhooks could not be created or removed when it was asked for. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    // At the start the settings, or the rights of the credential, may be others than before.
    for (let includeFailed = true; !signal.aborted; includeFailed = false) {
      await this.reconcileWebhooks({ includeFailed }, signal);
      await clock.sleep(RECONCILE_INTERVAL_MS, signal);
    }
  }

  /** One round of `run`; ends early when GitHub may not be asked any more. */
  async reconcileWebhooks(
    { includeFailed }: { readonly includeFailed: boolean },
    signal = this.#stop.signal,
  ): Promise<void> {
    const { clock, store, canRequest } = this.#options;
    try {
      for (const webhook of await store.listPendingWebhooks({ includeFailed })) {
        if (!canRequest() || signal.aborted) return;
        await this.#reportGlobalErrors(() => this.#reconcileWebhook(webhook, signal));
        await clock.sleep(MUTATION_INTERVAL_MS, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error)) throw error;
      this.#logger.info("Webhooks have to wait: {reason}", { reason: toErrorMessage(error) });
    }
  }

  async #findRepository(
    fullName: string,
    canRead?: (repository: Repository) => Promise<boolean>,
  ): Promise<Repository> {
    const { repositories } = this.#options;
    const notFound = new GitHubError({ kind: "not_accessible", status: 404 }, "GitHub shows none");
    try {
      const find = () => repositories.findByName(fullName, this.#stop.signal);
      const repository = await this.#reportGlobalErrors(find);
      if (!canRead || await canRead(repository)) return repository;
    } catch (error) {
      // That it is kept from us, too, would say that it is there.
      const isHidden = error instanceof GitHubError && error.failure.kind === "not_accessible";
      throw canRead && isHidden ? notFound : error;
    }
    throw notFound;
  }

  async #fetchWorkflowsAndRuns({ fullName }: Repository) {
    const { workflows, fetchLatestRuns } = this.#options;
    const { signal } = this.#stop;
    try {
      const found = await workflows.listWorkflows(fullName, signal);
      await fetchLatestRuns(fullName, signal);
      return found;
    } catch (error) {
      if (!(error instanceof GitHubError) || error.failure.kind !== "not_accessible") throw error;
      // The repository is there: what is "not found" in it is not shown to us.
      throw new GitHubError({ kind: "not_accessible", status: 403 }, error.message);
    }
  }

  /** The repository is followed whatever becomes of its webhook: polling serves it. */
  async #createFirstWebhook({ id, fullName }: Repository): Promise<WebhookState> {
    const webhook = { repositoryId: id, fullName, webhookId: null };
    const followedAt = this.#options.clock.now();
    try {
      return await this.#reportGlobalErrors(() =>
        this.#createWebhook({ ...webhook, followedAt }, this.#stop.signal)
      );
    } catch (error) {
      if (!isTransient(error)) throw error;
      return { state: "none", reason: `It is created later: ${toErrorMessage(error)}` };
    }
  }

  async #reconcileWebhook(webhook: PendingWebhook, signal: AbortSignal): Promise<void> {
    if (webhook.followedAt === null) await this.#removeWebhook(webhook, signal);
    else await this.#createWebhook({ ...webhook, followedAt: webhook.followedAt }, signal);
  }

  async #createWebhook(
    { repositoryId, fullName, followedAt }: PendingWebhook & { readonly followedAt: number },
    signal: AbortSignal,
  ): Promise<WebhookState> {
    const { store, webhooks } = this.#options;
    const state = await webhooks.ensure(fullName, { since: followedAt, signal });
    await store.saveWebhook(repositoryId, state);
    return state;
  }

  /** Returns why it is still there. What is refused for now is tried again by `run`. */
  async #removeWebhook(
    { repositoryId, fullName, webhookId: hookId }: PendingWebhook,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { store, webhooks } = this.#options;
    if (hookId === null) return undefined;
    try {
      await this.#reportGlobalErrors(() => webhooks.remove(fullName, hookId, signal));
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      const message = toErrorMessage(error);
      if (error.failure.kind !== "not_accessible") return `It is removed later: ${message}`;
      await store.saveWebhook(repositoryId, undefined);
      return `It has to be removed by hand: ${message}`;
    }
    await store.saveWebhook(repositoryId, undefined);
    return undefined;
  }

  async #reportGlobalErrors<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (error instanceof GitHubError && isGlobal(error.failure)) {
        this.#options.onGitHubError(error);
      }
      throw error;
    }
  }
}
