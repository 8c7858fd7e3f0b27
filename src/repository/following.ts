import { isVisible, type Visibility } from "../visibility.ts";
import type { Clock } from "../clock.ts";
import { concernsAll, messageOf, RefusedError, StorageError } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import type { WebhookState } from "./catalog.ts";
import type { FollowStore, UnsettledHook } from "./follow.ts";
import type { Repository, RepositoryLookup, WorkflowSource } from "./repository.ts";
import type { Webhooks } from "./webhook.ts";

const ROUND_INTERVAL_MS = 10 * 60_000;
/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests */
const PAUSE_MS = 1_000;

export interface FollowingOptions {
  readonly clock: Clock;
  readonly store: FollowStore;
  readonly repositories: RepositoryLookup;
  readonly workflows: WorkflowSource;
  readonly webhooks: Webhooks;
  /** Takes in the latest runs of a repository. */
  readonly lookAtRuns: (fullName: string, signal: AbortSignal) => Promise<void>;
  /** Brings in the past of repositories, in the background. */
  readonly backfills: {
    start(repositoryId: number, days: number): Promise<void>;
    stop(repositoryId: number): Promise<void>;
  };
  /** Whether GitHub may be asked for what nobody waits for. */
  readonly mayAsk: () => boolean;
  /** Told of what has changed. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  /** Told that other repositories are followed than before. */
  readonly onChange: () => void;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onRefused: (error: RefusedError) => void;
}

/** What came of the wish to follow a repository. */
export interface Followed {
  readonly repository: Repository;
  /** `undefined` when it was followed already. */
  readonly webhook: WebhookState | undefined;
}

/** What came of the wish to follow a repository no longer. */
export interface Unfollowed {
  readonly runsPurged: number;
  /** Why the webhook that we had created is still there; it is removed later unless the credential may not. */
  readonly hookLeft: string | undefined;
}

/** Which repositories are followed, and that each of them has its webhook, and others have none of ours. */
export class Following {
  readonly #options: FollowingOptions;
  readonly #logger = log("repositories");
  readonly #stop = new AbortController();

  constructor(options: FollowingOptions) {
    this.#options = options;
  }

  /**
   * Follows a repository from now on, once GitHub has shown that it is there, and its workflows and runs. `backfillDays` asks
   * for the runs of so many days before, too. One that may not be read, where `mayRead` is given, is answered as one that is
   * not there.
   * @throws {RefusedError} `missing` with 404 when there is none, with another status when we may not read it; or for now
   * @throws {StorageError}, and what `mayRead` throws
   */
  async follow(
    fullName: string,
    { backfillDays, mayRead }: {
      readonly backfillDays?: number | undefined;
      readonly mayRead?: ((repository: Repository) => Promise<boolean>) | undefined;
    } = {},
  ): Promise<Followed> {
    const { store, backfills, onEvents, onChange } = this.#options;
    const repository = await this.#find(fullName, mayRead);
    const workflows = await this.#passOn(() => this.#look(repository));
    const events = await store.follow(repository, workflows);
    if (events === undefined) return { repository, webhook: undefined };
    onEvents(events);
    onChange();
    if (backfillDays !== undefined) await backfills.start(repository.id, backfillDays);
    return { repository, webhook: await this.#firstHook(repository) };
  }

  /**
   * Follows a repository no longer; with `purge` its history is forgotten, also that of one which was not followed any more.
   * `undefined` when there is nothing to do so for, or it may not be seen.
   * @throws {StorageError}
   */
  async unfollow(
    id: number,
    { purge, visible }: { readonly purge: boolean; readonly visible: Visibility },
  ): Promise<Unfollowed | undefined> {
    const { store, backfills, onChange } = this.#options;
    const fullName = await store.nameOf(id);
    if (fullName === undefined || !isVisible(visible, fullName)) return undefined;
    const hook = await store.unfollow(id);
    if (!hook && !purge) return undefined;
    onChange();
    await backfills.stop(id);
    const hookLeft = hook && hook.hookId !== null
      ? await this.#removeHook(hook, this.#stop.signal)
      : undefined;
    const runsPurged = purge ? await store.purge(id, this.#stop.signal) : 0;
    return { runsPurged, hookLeft };
  }

  /** Whatever is asked for ends when `signal` aborts. */
  endWith(signal: AbortSignal): void {
    signal.addEventListener("abort", () => this.#stop.abort(), { once: true });
  }

  /** Creates and removes what webhooks could not be created or removed when it was asked for. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    // At the start the settings, or the rights of the credential, may be others than before.
    for (let isRetry = true; !signal.aborted; isRetry = false) {
      await this.round({ isRetry }, signal);
      await clock.sleep(ROUND_INTERVAL_MS, signal);
    }
  }

  /** One round of `run`; ends early when GitHub may not be asked any more. */
  async round(
    { isRetry }: { readonly isRetry: boolean },
    signal = this.#stop.signal,
  ): Promise<void> {
    const { clock, store, mayAsk } = this.#options;
    try {
      for (const hook of await store.unsettledHooks({ isRetry })) {
        if (!mayAsk() || signal.aborted) return;
        await this.#passOn(() => this.#settle(hook, signal));
        await clock.sleep(PAUSE_MS, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RefusedError || error instanceof StorageError)) throw error;
      this.#logger.info("Webhooks have to wait: {reason}", { reason: messageOf(error) });
    }
  }

  async #find(
    fullName: string,
    mayRead?: (repository: Repository) => Promise<boolean>,
  ): Promise<Repository> {
    const { repositories } = this.#options;
    const none = new RefusedError({ kind: "missing", status: 404 }, "GitHub shows none");
    try {
      const find = () => repositories.byName(fullName, this.#stop.signal);
      const repository = await this.#passOn(find);
      if (!mayRead || await mayRead(repository)) return repository;
    } catch (error) {
      // That it is kept from us, too, would say that it is there.
      const isKept = error instanceof RefusedError && error.refusal.kind === "missing";
      throw mayRead && isKept ? none : error;
    }
    throw none;
  }

  async #look({ fullName }: Repository) {
    const { workflows, lookAtRuns } = this.#options;
    const { signal } = this.#stop;
    try {
      const found = await workflows.of(fullName, signal);
      await lookAtRuns(fullName, signal);
      return found;
    } catch (error) {
      if (!(error instanceof RefusedError) || error.refusal.kind !== "missing") throw error;
      // The repository is there: what is "not found" in it is not shown to us.
      throw new RefusedError({ kind: "missing", status: 403 }, error.message);
    }
  }

  /** The repository is followed whatever becomes of its webhook: polling serves it. */
  async #firstHook({ id, fullName }: Repository): Promise<WebhookState> {
    const hook = { repositoryId: id, fullName, hookId: null };
    const followedAt = this.#options.clock.now();
    try {
      return await this.#passOn(() => this.#createHook({ ...hook, followedAt }, this.#stop.signal));
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof StorageError)) throw error;
      return { state: "absent", reason: `It is created later: ${messageOf(error)}` };
    }
  }

  async #settle(hook: UnsettledHook, signal: AbortSignal): Promise<void> {
    if (hook.followedAt === null) await this.#removeHook(hook, signal);
    else await this.#createHook({ ...hook, followedAt: hook.followedAt }, signal);
  }

  async #createHook(
    { repositoryId, fullName, followedAt }: UnsettledHook & { readonly followedAt: number },
    signal: AbortSignal,
  ): Promise<WebhookState> {
    const { store, webhooks } = this.#options;
    const state = await webhooks.ensure(fullName, { since: followedAt, signal });
    await store.keepHook(repositoryId, state);
    return state;
  }

  /** Returns why it is still there. What is refused for now is tried again by `run`. */
  async #removeHook(
    { repositoryId, fullName, hookId }: UnsettledHook,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { store, webhooks } = this.#options;
    if (hookId === null) return undefined;
    try {
      await this.#passOn(() => webhooks.remove(fullName, hookId, signal));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const words = messageOf(error);
      if (error.refusal.kind !== "missing") return `It is removed later: ${words}`;
      await store.keepHook(repositoryId, undefined);
      return `It has to be removed by hand: ${words}`;
    }
    await store.keepHook(repositoryId, undefined);
    return undefined;
  }

  async #passOn<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof RefusedError && concernsAll(error.refusal)) {
        this.#options.onRefused(error);
      }
      throw error;
    }
  }
}
