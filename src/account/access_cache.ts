import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
import { GitHubError } from "../errors.ts";
import { SingleFlight } from "../single_flight.ts";
import type { TokenManager } from "./token_manager.ts";

export interface RepositoryRef {
  readonly id: number;
  /** `owner/name` */
  readonly fullName: string;
}

/** Answers which repositories a user may read: GitHub. */
export interface AccessSource {
  /**
   * Returns the ids of the repositories that the owner of the token may read. Matches ids, not names.
   * @throws {TokenRejectedError} when GitHub rejects the token
   * @throws {GitHubError} when GitHub is unavailable or limits the rate
   */
  filterReadable(
    repositories: readonly RepositoryRef[],
    accessToken: string,
    signal: AbortSignal,
  ): Promise<ReadonlySet<number>>;
}

/** The stored access of one user. */
export interface CachedAccess {
  /**
   * Grows with every reported permission change, and with every new or renamed repository. Access read under a lower epoch is
   * out of date.
   */
  readonly epoch: number;
  /**
   * The readable repositories that were checked at `since` or later: `owner/name` in lower case. If several repositories have
   * had the same name, all of them must be readable, because stored runs and events are matched by name.
   */
  readonly readable: ReadonlySet<string>;
  /** Repositories not checked since `since`. */
  readonly unchecked: readonly RepositoryRef[];
  /** The earliest check of the checked repositories; `undefined` if none is checked. */
  readonly oldestCheckedAt: number | undefined;
}

/** Stores which repositories users may read. All methods throw StorageError. */
export interface AccessStore {
  /** `since` in ms since the epoch: a repository last checked before that time counts as unchecked. */
  load(userId: number, since: number): Promise<CachedAccess>;
  /** Stores an answer of GitHub. Returns `false` and stores nothing if the epoch has changed. */
  save(result: {
    readonly userId: number;
    readonly epoch: number;
    readonly readable: readonly number[];
    readonly unreadable: readonly number[];
    readonly checkedAt: number;
  }): Promise<boolean>;
  /** The current epoch. */
  epoch(): Promise<number>;
}

/** Access is checked again after this time, because webhooks do not report every permission change. */
export const ACCESS_MAX_AGE_MS = 5 * 60_000;
/** While GitHub is unavailable, earlier answers stay valid for this time. */
export const ACCESS_STALE_IF_ERROR_MS = 30 * 60_000;
/** How often an unavailable GitHub is tried again. */
const RETRY_INTERVAL_MS = 30_000;
/** Repositories per query. */
const BATCH_SIZE = 100;
/** Attempts when permissions change during the check. */
const MAX_TRIES = 5;
/** Users held in memory. */
const MAX_CACHED_USERS = 10_000;

interface CacheEntry {
  readonly epoch: number;
  readonly readable: ReadonlySet<string>;
  readonly expiresAt: number;
}

interface AccessCacheOptions {
  readonly store: AccessStore;
  readonly source: AccessSource;
  readonly tokens: Pick<TokenManager, "withToken">;
  readonly clock: Clock;
}

/** Reads what users may see from memory, then from the store, then from GitHub. */
export class AccessCache {
  readonly #options: AccessCacheOptions;
  readonly #entries = new LRUCache<number, CacheEntry>({ max: MAX_CACHED_USERS });
  readonly #refreshes = new SingleFlight<number, CacheEntry>();
  #epoch: Promise<number> | undefined;

  constructor(options: AccessCacheOptions) {
    this.#options = options;
  }

  /** See Principal.visibility. */
  async visibility(userId: number): Promise<ReadonlySet<string>> {
    const epoch = await this.#readEpoch();
    for (;;) {
      const entry = this.#entries.get(userId);
      if (entry && entry.epoch >= epoch && this.#options.clock.now() < entry.expiresAt) {
        return entry.readable;
      }
      // A refresh that is already running may have started before the permissions changed.
      const { epoch: readEpoch, readable } = await this.#refreshes.run(
        userId,
        () => this.#refresh(userId),
      );
      if (readEpoch >= epoch) return readable;
    }
  }

  /** See Principal.canRead. */
  async canRead(userId: number, repository: RepositoryRef): Promise<boolean> {
    const readable = await this.#fetchReadable(userId, [repository]);
    return readable.has(repository.id);
  }

  /** Calls made in the same turn share one read, which starts after all of them. */
  #readEpoch(): Promise<number> {
    return this.#epoch ??= Promise.resolve().then(() => {
      this.#epoch = undefined;
      return this.#options.store.epoch();
    });
  }

  async #refresh(userId: number): Promise<CacheEntry> {
    const { store, clock } = this.#options;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const now = clock.now();
      const cached = await store.load(userId, now - ACCESS_MAX_AGE_MS);
      if (cached.unchecked.length === 0) {
        const expiresAt = (cached.oldestCheckedAt ?? now) + ACCESS_MAX_AGE_MS;
        return this.#cacheEntry(userId, cached, expiresAt);
      }
      try {
        await this.#fetchUnchecked(userId, cached);
      } catch (error) {
        if (error instanceof GitHubError) return await this.#useStale(userId, error);
        throw error;
      }
    }
    const message = "Repository access changed during the check";
    return await this.#useStale(userId, new GitHubError({ kind: "unavailable" }, message));
  }

  /** Checks and stores the unchecked repositories. Stops if permissions change in the meantime. */
  async #fetchUnchecked(userId: number, { epoch, unchecked }: CachedAccess): Promise<void> {
    const { store, clock } = this.#options;
    for (let start = 0; start < unchecked.length; start += BATCH_SIZE) {
      const batch = unchecked.slice(start, start + BATCH_SIZE);
      const checkedAt = clock.now();
      const readable = await this.#fetchReadable(userId, batch);
      const ids = batch.map(({ id }) => id);
      const isSaved = await store.save({
        userId,
        epoch,
        checkedAt,
        readable: ids.filter((id) => readable.has(id)),
        unreadable: ids.filter((id) => !readable.has(id)),
      });
      if (!isSaved) return;
    }
  }

  #fetchReadable(
    userId: number,
    repositories: readonly RepositoryRef[],
  ): Promise<ReadonlySet<number>> {
    const { source, tokens } = this.#options;
    return tokens.withToken(
      userId,
      (token, signal) => source.filterReadable(repositories, token, signal),
    );
  }

  /** Repositories checked too long ago are hidden. Throws `cause` if that hides all of them. */
  async #useStale(userId: number, cause: GitHubError): Promise<CacheEntry> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const cached = await store.load(userId, now - ACCESS_STALE_IF_ERROR_MS);
    if (cached.oldestCheckedAt === undefined) throw cause;
    const staleUntil = cached.oldestCheckedAt + ACCESS_STALE_IF_ERROR_MS;
    return this.#cacheEntry(userId, cached, Math.min(now + RETRY_INTERVAL_MS, staleUntil));
  }

  /** An unchanged set stays the same object: see Principal.visibility. */
  #cacheEntry(userId: number, { epoch, readable }: CachedAccess, expiresAt: number): CacheEntry {
    const previous = this.#entries.get(userId)?.readable;
    const isSame = previous?.symmetricDifference(readable).size === 0;
    const entry = { epoch, readable: previous && isSame ? previous : readable, expiresAt };
    this.#entries.set(userId, entry);
    return entry;
  }
}
