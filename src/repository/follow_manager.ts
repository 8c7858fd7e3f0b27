import type { Clock } from "../clock.ts";
import { GitHubError, isGlobal, isTransient, toErrorMessage } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import { isVisible, type Visibility } from "../visibility.ts";
import type { FollowStore, PendingWebhook } from "./follow_store.ts";
import type { Repository, RepositoryLookup, WorkflowSource } from "./repository.ts";
import type { Webhooks, WebhookState } from "./webhook.ts";

const RECONCILE_INTERVAL_MS = 10 * 60_000;
/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests */
const MUTATION_INTERVAL_MS = 1_000;

interface FollowManagerOptions {
  readonly clock: Clock;
  readonly store: FollowStore;
  readonly repositories: RepositoryLookup;
  readonly workflows: WorkflowSource;
  /** For follow requests, whose clients wait for the result. */
  readonly webhooks: Webhooks;
  /** For `run`. Must throw GitHubPausedError while GitHub is rate limited. */
  readonly backgroundWebhooks: Webhooks;
  /** Fetches and stores the latest runs of a repository. */
  readonly fetchLatestRuns: (fullName: string, signal: AbortSignal) => Promise<void>;
  /** Imports past runs in the background. */
  readonly backfills: {
    start(repositoryId: number, days: number): Promise<void>;
    stop(repositoryId: number): Promise<void>;
  };
  /** Called with new events. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  /** Called when a repository is followed or unfollowed. */
  readonly onChange: () => void;
  /** Cancels every request. */
  readonly signal: AbortSignal;
}

/** How to change a webhook. */
interface WebhookAccess {
  readonly webhooks: Webhooks;
  readonly signal: AbortSignal;
}

interface FollowResult {
  readonly repository: Repository;
  /** `undefined` if the repository was already followed. */
  readonly webhook: WebhookState | undefined;
}

interface UnfollowResult {
  readonly runsPurged: number;
  /** Why Runwire's webhook still exists; it is removed later, if the credential may do so. */
  readonly webhookError: string | undefined;
}

/** Follows and unfollows repositories. Followed repositories get a webhook, and other repositories lose Runwire's. */
export class FollowManager {
  readonly #options: FollowManagerOptions;
  readonly #logger = log("repositories");

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
    const workflows = await this.#fetchWorkflowsAndRuns(repository);
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
    const { store, backfills, onChange, signal } = this.#options;
    const fullName = await store.findName(id);
    if (fullName === undefined || !isVisible(visibility, fullName)) return undefined;
    const webhook = await store.unfollow(id);
    if (!webhook && !purge) return undefined;
    onChange();
    await backfills.stop(id);
    const webhookError = webhook && webhook.webhookId !== null
      ? await this.#tryRemoveWebhook(webhook)
      : undefined;
    const runsPurged = purge ? await store.purge(id, signal) : 0;
    return { runsPurged, webhookError };
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
    signal = this.#options.signal,
  ): Promise<void> {
    const { clock, store } = this.#options;
    try {
      for (const webhook of await store.listPendingWebhooks({ includeFailed })) {
        if (signal.aborted) return;
        await this.#reconcileWebhook(webhook, signal);
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
    const { repositories, signal } = this.#options;
    const notFound = new GitHubError(
      { kind: "not_accessible", status: 404 },
      "Repository not found",
    );
    try {
      const repository = await repositories.findByName(fullName, signal);
      if (!canRead || await canRead(repository)) return repository;
    } catch (error) {
      // Another error would reveal that the repository exists.
      const isHidden = error instanceof GitHubError && error.failure.kind === "not_accessible";
      throw canRead && isHidden ? notFound : error;
    }
    throw notFound;
  }

  async #fetchWorkflowsAndRuns({ fullName }: Repository) {
    const { workflows, fetchLatestRuns, signal } = this.#options;
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
    const { clock, webhooks, signal } = this.#options;
    try {
      const followedAt = clock.now();
      return await this.#createWebhook({ ...webhook, followedAt }, { webhooks, signal });
    } catch (error) {
      if (!isTransient(error)) throw error;
      return { state: "none", reason: `Created later: ${toErrorMessage(error)}` };
    }
  }

  async #reconcileWebhook(webhook: PendingWebhook, signal: AbortSignal): Promise<void> {
    const { followedAt } = webhook;
    const access = { webhooks: this.#options.backgroundWebhooks, signal };
    if (followedAt === null) await this.#reconcileRemoval(webhook, access);
    else await this.#createWebhook({ ...webhook, followedAt }, access);
  }

  async #createWebhook(
    { repositoryId, fullName, followedAt }: PendingWebhook & { readonly followedAt: number },
    { webhooks, signal }: WebhookAccess,
  ): Promise<WebhookState> {
    const { store } = this.#options;
    const state = await webhooks.ensure(fullName, { since: followedAt, signal });
    await store.saveWebhook(repositoryId, state);
    return state;
  }

  /** A webhook that GitHub cannot remove now does not delay the others. */
  async #reconcileRemoval(webhook: PendingWebhook, access: WebhookAccess): Promise<void> {
    try {
      await this.#removeWebhook(webhook, access);
    } catch (error) {
      if (!(error instanceof GitHubError) || isGlobal(error.failure)) throw error;
    }
  }

  /** Returns why the webhook still exists, if it does. `run` tries again unless GitHub does not allow it. */
  async #tryRemoveWebhook(webhook: PendingWebhook): Promise<string | undefined> {
    const { webhooks, signal } = this.#options;
    try {
      return await this.#removeWebhook(webhook, { webhooks, signal });
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      return `Removed later: ${error.message}`;
    }
  }

  async #removeWebhook(
    { repositoryId, fullName, webhookId }: PendingWebhook,
    { webhooks, signal }: WebhookAccess,
  ): Promise<string | undefined> {
    const { store } = this.#options;
    if (webhookId === null) return undefined;
    let reason: string | undefined;
    try {
      await webhooks.remove(fullName, webhookId, signal);
    } catch (error) {
      const isForbidden = error instanceof GitHubError && error.failure.kind === "not_accessible";
      if (!isForbidden) throw error;
      reason = `Remove it manually: ${error.message}`;
    }
    await store.saveWebhook(repositoryId, undefined);
    return reason;
  }
}
