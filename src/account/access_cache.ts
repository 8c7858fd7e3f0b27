import type { Clock } from "../clock.ts";
import { RefusedError } from "../errors.ts";
import type { AccessSource, AccessStore, KnownAccess, Named } from "./access.ts";
import { LatelyUsed } from "./lately_used.ts";
import { SharedCalls } from "./shared_calls.ts";
import type { TokenKeeper } from "./token_keeper.ts";

/** GitHub is asked again when its answer is so old, as not every change of rights is told by a webhook. */
export const ACCESS_FRESH_MS = 5 * 60_000;
/** What it said holds for so long while it cannot be asked. */
export const ACCESS_HOLD_MS = 30 * 60_000;
/** While GitHub cannot be asked it is looked so often whether it can. */
const RETRY_MS = 30_000;
/** What GitHub answers in one query. */
const BATCH = 100;
/** Rights may change while GitHub is asked; then it is asked anew, so often. */
const MAX_TRIES = 5;
/** Users whose rights are in memory. */
const MAX_USERS = 10_000;

interface Entry {
  readonly epoch: number;
  readonly readable: ReadonlySet<string>;
  readonly until: number;
}

export interface AccessCacheOptions {
  readonly store: AccessStore;
  readonly source: AccessSource;
  readonly tokens: Pick<TokenKeeper, "use">;
  readonly clock: Clock;
}

/** What users may read: in memory, else in the store, else from GitHub. */
export class AccessCache {
  readonly #options: AccessCacheOptions;
  readonly #entries = new LatelyUsed<number, Entry>(MAX_USERS);
  readonly #looks = new SharedCalls<number, Entry>();
  #epoch: Promise<number> | undefined;

  constructor(options: AccessCacheOptions) {
    this.#options = options;
  }

  /** See Caller.visible. */
  async visible(userId: number): Promise<ReadonlySet<string>> {
    const epoch = await this.#readEpoch();
    for (;;) {
      const entry = this.#entries.get(userId);
      if (entry && entry.epoch >= epoch && this.#options.clock.now() < entry.until) {
        return entry.readable;
      }
      // One that was under way may have begun before the rights changed.
      const { epoch: seen, readable } = await this.#looks.run(userId, () => this.#look(userId));
      if (seen >= epoch) return readable;
    }
  }

  /** See Caller.mayRead. */
  async mayRead(userId: number, repository: Named): Promise<boolean> {
    const readable = await this.#ask(userId, [repository]);
    return readable.has(repository.id);
  }

  /** Those who ask in the same turn share one reading, which begins after all of them have asked. */
  #readEpoch(): Promise<number> {
    return this.#epoch ??= Promise.resolve().then(() => {
      this.#epoch = undefined;
      return this.#options.store.epoch();
    });
  }

  async #look(userId: number): Promise<Entry> {
    const { store, clock } = this.#options;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const now = clock.now();
      const known = await store.known(userId, now - ACCESS_FRESH_MS);
      if (known.unchecked.length === 0) {
        return this.#remember(userId, known, (known.checkedAt ?? now) + ACCESS_FRESH_MS);
      }
      try {
        await this.#check(userId, known);
      } catch (error) {
        if (error instanceof RefusedError) return await this.#hold(userId, error);
        throw error;
      }
    }
    return await this.#hold(
      userId,
      new RefusedError(
        { kind: "unavailable" },
        "Cannot tell what a user may read: it goes on changing",
      ),
    );
  }

  /** Keeps what GitHub says of those that are not known, as long as rights do not change. */
  async #check(userId: number, { epoch, unchecked }: KnownAccess): Promise<void> {
    const { store, clock } = this.#options;
    for (let start = 0; start < unchecked.length; start += BATCH) {
      const batch = unchecked.slice(start, start + BATCH);
      const checkedAt = clock.now();
      const readable = await this.#ask(userId, batch);
      const ids = batch.map(({ id }) => id);
      const isKept = await store.keep({
        userId,
        epoch,
        checkedAt,
        readable: ids.filter((id) => readable.has(id)),
        unreadable: ids.filter((id) => !readable.has(id)),
      });
      if (!isKept) return;
    }
  }

  #ask(userId: number, repositories: readonly Named[]): Promise<ReadonlySet<number>> {
    const { source, tokens } = this.#options;
    return tokens.use(userId, (token, signal) => source.readable(repositories, token, signal));
  }

  /** What is known holds for a while; of what is not known nothing is shown, and when that is all, it is no answer. */
  async #hold(userId: number, why: RefusedError): Promise<Entry> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const known = await store.known(userId, now - ACCESS_HOLD_MS);
    if (known.checkedAt === undefined) throw why;
    return this.#remember(
      userId,
      known,
      Math.min(now + RETRY_MS, known.checkedAt + ACCESS_HOLD_MS),
    );
  }

  #remember(userId: number, { epoch, readable }: KnownAccess, until: number): Entry {
    const before = this.#entries.get(userId)?.readable;
    const isSame = before?.symmetricDifference(readable).size === 0;
    const entry = { epoch, readable: before && isSame ? before : readable, until };
    this.#entries.set(userId, entry);
    return entry;
  }
}
