import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
import { GitHubError } from "../errors.ts";
import type { AccessSource, AccessStore, CachedAccess, RepositoryRef } from "./access.ts";
import { SingleFlight } from "../single_flight.ts";
import type { TokenManager } from "./token_manager.ts";

/** GitHub is asked again when its answer is so old, as not every change of rights is told by a webhook. */
export const ACCESS_MAX_AGE_MS = 5 * 60_000;
/** What it said holds for so long while it cannot be asked. */
export const ACCESS_STALE_IF_ERROR_MS = 30 * 60_000;
/** While GitHub cannot be asked it is looked so often whether it can. */
const RETRY_INTERVAL_MS = 30_000;
/** What GitHub answers in one query. */
const BATCH_SIZE = 100;
/** Rights may change while GitHub is asked; then it is asked anew, so often. */
const MAX_TRIES = 5;
/** Users whose rights are in memory. */
const MAX_CACHED_USERS = 10_000;

interface CacheEntry {
  readonly epoch: number;
  readonly readable: ReadonlySet<string>;
  readonly expiresAt: number;
}

export interface AccessCacheOptions {
  readonly store: AccessStore;
  readonly source: AccessSource;
  readonly tokens: Pick<TokenManager, "withToken">;
  readonly clock: Clock;
}

/** What users may read: in memory, else in the store, else from GitHub. */
export class AccessCache {
  readonly #options: AccessCacheOptions;
  readonly #entries = new LRUCache<number, CacheEntry>({ max: MAX_CACHED_USERS });
  readonly #refreshes = new SingleFlight<number, CacheEntry>();
  #epoch: Promise<number> | undefined;

  constructor(options: AccessCacheOptions) {
    this.#options = options;
  }

  /** See Caller.visible. */
  async visibility(userId: number): Promise<ReadonlySet<string>> {
    const epoch = await this.#readEpoch();
    for (;;) {
      const entry = this.#entries.get(userId);
      if (entry && entry.epoch >= epoch && this.#options.clock.now() < entry.expiresAt) {
        return entry.readable;
      }
      // One that was under way may have begun before the rights changed.
      const { epoch: readEpoch, readable } = await this.#refreshes.run(
        userId,
        () => this.#refresh(userId),
      );
      if (readEpoch >= epoch) return readable;
    }
  }

  /** See Caller.mayRead. */
  async canRead(userId: number, repository: RepositoryRef): Promise<boolean> {
    const readable = await this.#fetchReadable(userId, [repository]);
    return readable.has(repository.id);
  }

  /** Those who ask in the same turn share one reading, which begins after all of them have asked. */
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
        return this.#cacheEntry(
          userId,
          cached,
          (cached.oldestCheckedAt ?? now) + ACCESS_MAX_AGE_MS,
        );
      }
      try {
        await this.#fetchUnchecked(userId, cached);
      } catch (error) {
        if (error instanceof GitHubError) return await this.#useStale(userId, error);
        throw error;
      }
    }
    return await this.#useStale(
      userId,
      new GitHubError(
        { kind: "unavailable" },
        "Cannot tell what a user may read: it goes on changing",
      ),
    );
  }

  /** Keeps what GitHub says of those that are not known, as long as rights do not change. */
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

  /** What is known holds for a while; of what is not known nothing is shown, and when that is all, it is no answer. */
  async #useStale(userId: number, cause: GitHubError): Promise<CacheEntry> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const cached = await store.load(userId, now - ACCESS_STALE_IF_ERROR_MS);
    if (cached.oldestCheckedAt === undefined) throw cause;
    return this.#cacheEntry(
      userId,
      cached,
      Math.min(now + RETRY_INTERVAL_MS, cached.oldestCheckedAt + ACCESS_STALE_IF_ERROR_MS),
    );
  }

  #cacheEntry(userId: number, { epoch, readable }: CachedAccess, expiresAt: number): CacheEntry {
    const previous = this.#entries.get(userId)?.readable;
    const isSame = previous?.symmetricDifference(readable).size === 0;
    const entry = { epoch, readable: previous && isSame ? previous : readable, expiresAt };
    this.#entries.set(userId, entry);
    return entry;
  }
}
