import { isVisible, type VisibilityResolver } from "../visibility.ts";
import type { EncodedEvent, EventType } from "./event.ts";
import type { SeqRange } from "./event_log.ts";

/** Selects the events of a subscription. */
export interface EventFilter {
  /** Default: all types. */
  readonly topics?: ReadonlySet<EventType> | undefined;
  /** `owner/name` in any case. Events that belong to no repository, such as a status, always match. */
  readonly repository?: string | undefined;
}

/** Some events are missing: events after `since` are no longer stored, or `since` was never assigned. */
export interface Gap extends SeqRange {
  /** The number that the subscription had reached. It continues after `last`. */
  readonly since: number;
}

export type Batch = { readonly gap: Gap } | { readonly events: readonly EncodedEvent[] };

export interface SubscriptionOptions extends EventFilter {
  /** The number before the first event. */
  readonly since: number;
  /** Returns the current visibility of the subscriber. Called before each batch, which waits for the result. */
  readonly visibility: VisibilityResolver;
  readonly signal: AbortSignal;
}

/** The feed as a subscription reads it. */
interface FeedReader {
  /** The number of the last readable event. */
  lastSeq(): number;
  seqRange(): Promise<SeqRange>;
  /** Returns some of the events after number `seq`, in order. */
  readAfter(seq: number): Promise<readonly EncodedEvent[]>;
  /** Resolves when there are events after number `seq`, or the subscription's signal aborts. */
  waitForEvents(seq: number): Promise<void>;
}

/**
 * A cursor in the feed: yields every matching event once and in order, or a gap that reports missing events. It reads only
 * when the next batch is requested, so a slow subscriber costs nothing.
 */
export class Subscription implements AsyncIterable<Batch> {
  readonly #reader: FeedReader;
  readonly #signal: AbortSignal;
  readonly #topics: ReadonlySet<EventType> | undefined;
  readonly #repository: string | undefined;
  readonly #resolveVisibility: VisibilityResolver;
  /** Advances after the subscriber has processed a batch. */
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

  /** The number up to which all events were yielded and processed: the subscriber has requested more. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /**
   * Yields batches until the signal aborts. Can be iterated once.
   * @throws the errors of the event log and of `visibility`
   */
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

  /** Whether the number was never assigned here: it comes from another database. */
  async #isUnknownSeq(): Promise<boolean> {
    if (this.#signal.aborted || this.#lastSeq <= this.#reader.lastSeq()) return false;
    return this.#lastSeq > (await this.#reader.seqRange()).last;
  }

  /** Skips to the present, so a subscriber that takes a snapshot while it handles the gap misses nothing. */
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
