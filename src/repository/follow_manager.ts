import { isVisible, type Visibility } from "../visibility.ts";
import type { Clock } from "../clock.ts";
import { GitHubError, isGlobal, isTransient, toErrorMessage } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import type { Webhooks, WebhookState } from "./webhook.ts";
import type { FollowStore, PendingWebhook } from "./follow_store.ts";
import type { Repository, RepositoryLookup, WorkflowSource } from "./repository.ts";

const RECONCILE_INTERVAL_MS = 10 * 60_000;
/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests */
const MUTATION_INTERVAL_MS = 1_000;

export interface FollowManagerOptions {
  readonly clock: Clock;
  readonly store: FollowStore;
  readonly repositories: RepositoryLookup;
  readonly workflows: WorkflowSource;
  readonly webhooks: Webhooks;
  /** Fetches and stores the latest runs of a repository. */
  readonly fetchLatestRuns: (fullName: string, signal: AbortSignal) => Promise<void>;
  /** Imports past runs in the background. */
  readonly backfills: {
    start(repositoryId: number, days: number): Promise<void>;
    stop(repositoryId: number): Promise<void>;
  };
  /** Whether GitHub may be asked for what nobody waits for. */
  readonly canRequest: () => boolean;
  /** Called with new events. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  /** Called when the set of followed repositories has changed. */
  readonly onChange: () => void;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onGitHubError: (error: GitHubError) => void;
}

export interface FollowResult {
  readonly repository: Repository;
  /** `undefined` if the repository was already followed. */
  readonly webhook: WebhookState | undefined;
}

export interface UnfollowResult {
  readonly runsPurged: number;
  /** Why Runwire's webhook still exists; it is removed later, if the credential may do so. */
  readonly webhookError: string | undefined;
}

/** Follows and unfollows repositories. Followed repositories get a webhook, and other repositories lose Runwire's. */
export class FollowManager {
  readonly #options: FollowManagerOptions;
  readonly #logger = log("repositories");
  readonly #stop = new AbortController();

  constructor(options: FollowManagerOptions) {
    this.#options = options;
  }

  /**
   * Follows a repository after fetching it, its workflows and its latest runs from GitHub. `backfillDays` also imports the
   * runs of that many past days. If `canRead` is given, an unreadable repository fails like one that does not exist.
   * @throws {GitHubError} `not_accessible` with status 404 if it does not exist, with another status if Runwire may not read
   * it; another kind if GitHub is unavailable or limits the rate
   * @throws {StorageError}, and the errors of `canRead`
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
   * Unfollows a repository; `purge` deletes its history, also if it is no longer followed. Returns `undefined` if the
   * repository is unknown, not visible, or not followed (without `purge`).
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

  /** Cancels all requests when `signal` aborts. */
  stopOn(signal: AbortSignal): void {
    signal.addEventListener("abort", () => this.#stop.abort(), { once: true });
  }

  /** Creates and removes pending webhooks. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    // A restart may come with other settings or another credential.
    for (let includeFailed = true; !signal.aborted; includeFailed = false) {
      await this.reconcileWebhooks({ includeFailed }, signal);
      await clock.sleep(RECONCILE_INTERVAL_MS, signal);
    }
  }

  /** One pass of `run`. Ends early at a rate limit. */
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
      this.#logger.info("Webhook setup postponed: {reason}", { reason: toErrorMessage(error) });
    }
  }

  async #findRepository(
    fullName: string,
    canRead?: (repository: Repository) => Promise<boolean>,
  ): Promise<Repository> {
    const { repositories } = this.#options;
    const notFound = new GitHubError(
      { kind: "not_accessible", status: 404 },
      "Repository not found",
    );
    try {
      const find = () => repositories.findByName(fullName, this.#stop.signal);
      const repository = await this.#reportGlobalErrors(find);
      if (!canRead || await canRead(repository)) return repository;
    } catch (error) {
      // Another error would reveal that the repository exists.
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
      // The repository exists, so a 404 means that the credential lacks permissions.
      throw new GitHubError({ kind: "not_accessible", status: 403 }, error.message);
    }
  }

  /** A failure does not undo the follow: the repository is polled. */
  async #createFirstWebhook({ id, fullName }: Repository): Promise<WebhookState> {
    const webhook = { repositoryId: id, fullName, webhookId: null };
    const followedAt = this.#options.clock.now();
    try {
      return await this.#reportGlobalErrors(() =>
        this.#createWebhook({ ...webhook, followedAt }, this.#stop.signal)
      );
    } catch (error) {
      if (!isTransient(error)) throw error;
      return { state: "none", reason: `Created later: ${toErrorMessage(error)}` };
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

  /** Returns why the webhook still exists. `run` retries temporary errors. */
  async #removeWebhook(
    { repositoryId, fullName, webhookId }: PendingWebhook,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { store, webhooks } = this.#options;
    if (webhookId === null) return undefined;
    try {
      await this.#reportGlobalErrors(() => webhooks.remove(fullName, webhookId, signal));
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      const message = toErrorMessage(error);
      if (error.failure.kind !== "not_accessible") return `Removed later: ${message}`;
      await store.saveWebhook(repositoryId, undefined);
      return `Remove it manually: ${message}`;
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
