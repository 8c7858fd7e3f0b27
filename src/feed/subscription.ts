import type { EncodedEvent } from "./event.ts";
import type { EventType } from "./event.ts";
import type { SeqRange } from "./event_log.ts";
import { isVisible, type VisibilityResolver } from "../visibility.ts";

/** What one follower wants to hear. */
export interface EventFilter {
  /** All types, where it is not given. */
  readonly topics?: ReadonlySet<EventType> | undefined;
  /** `owner/name` in any case. Events that belong to no repository, such as a status, come all the same. */
  readonly repository?: string | undefined;
}

/** Some events are missing: those after `since` are no longer kept, or `since` was never given here. */
export interface Gap extends SeqRange {
  /** The number that the follower had. It goes on after `last`. */
  readonly since: number;
}

export type Batch = { readonly gap: Gap } | { readonly events: readonly EncodedEvent[] };

export interface SubscriptionOptions extends EventFilter {
  /** The number after which to begin. */
  readonly since: number;
  /** What may be heard of now; asked for again before each batch, which waits for it. */
  readonly visibility: VisibilityResolver;
  readonly signal: AbortSignal;
}

/** Where a follower reads: the feed. */
export interface FeedReader {
  /** The number of the last event that can be seen. */
  lastSeq(): number;
  seqRange(): Promise<SeqRange>;
  /** Some of the events after number `seq`, in order. */
  readAfter(seq: number): Promise<readonly EncodedEvent[]>;
  /** Resolves when there are events after number `seq`, or the follower's signal aborts. */
  waitForEvents(seq: number): Promise<void>;
}

/**
 * One reader of the feed: every event that it wants, once and in order, or a gap that says what is missing. It reads only
 * when it is asked for the next batch, so one that is slow costs nothing.
 */
export class Subscription implements AsyncIterable<Batch> {
  readonly #reader: FeedReader;
  readonly #signal: AbortSignal;
  readonly #topics: ReadonlySet<EventType> | undefined;
  readonly #repository: string | undefined;
  readonly #resolveVisibility: VisibilityResolver;
  #lastSeq: number;

  constructor(
    reader: FeedReader,
    { since, visibility, signal, topics, repository }: SubscriptionOptions,
  ) {
    this.#reader = reader;
    this.#lastSeq = since;
    this.#resolveVisibility = visibility;
    this.#signal = signal;
    this.#topics = topics;
    this.#repository = repository?.toLowerCase();
  }

  /** Everything up to this number was handed over and dealt with, as the follower has asked for more. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Batches until the signal aborts. To be iterated once. Throws what the journal throws, and `sight`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    if (await this.#isUnknownSeq()) yield* this.#gap();
    for (;;) {
      await this.#reader.waitForEvents(this.#lastSeq);
      if (this.#signal.aborted) return;
      const page = await this.#reader.readAfter(this.#lastSeq);
      if (page[0]?.seq !== this.#lastSeq + 1) {
        yield* this.#gap();
        continue;
      }
      const visibility = await this.#resolveVisibility();
      if (this.#signal.aborted) return;
      const matching = page.filter((event) =>
        this.#matches(event) && isVisible(visibility, event.repository)
      );
      if (matching.length > 0) yield { events: matching };
      this.#lastSeq += page.length;
    }
  }

  /** Whether its number was never given here: it is of another database. */
  async #isUnknownSeq(): Promise<boolean> {
    if (this.#signal.aborted || this.#lastSeq <= this.#reader.lastSeq()) return false;
    return this.#lastSeq > (await this.#reader.seqRange()).last;
  }

  /** The present is where it goes on: whoever takes a snapshot while it handles the gap misses nothing. */
  async *#gap(): AsyncGenerator<Batch, void, void> {
    const { first, last } = await this.#reader.seqRange();
    yield { gap: { since: this.#lastSeq, first, last } };
    this.#lastSeq = last;
  }

  #matches({ type, repository }: EncodedEvent): boolean {
    if (this.#topics && !this.#topics.has(type)) return false;
    return repository === null || !this.#repository || repository === this.#repository;
  }
}
