import type { EncodedEvent } from "./encoded.ts";
import type { EventType } from "./event.ts";
import type { Bounds } from "./journal.ts";
import { isInSight, type Look } from "./sight.ts";

/** What one follower wants to hear. */
export interface Filter {
  /** All types, where it is not given. */
  readonly topics?: ReadonlySet<EventType> | undefined;
  /** `owner/name` in any case. Events that belong to no repository, such as a status, come all the same. */
  readonly repository?: string | undefined;
}

/** Some events are missing: those after `since` are no longer kept, or `since` was never given here. */
export interface Gap extends Bounds {
  /** The number that the follower had. It goes on after `last`. */
  readonly since: number;
}

export type Batch = { readonly gap: Gap } | { readonly events: readonly EncodedEvent[] };

export interface FollowerOptions extends Filter {
  /** The number after which to begin. */
  readonly since: number;
  /** What may be heard of now; asked for again before each batch, which waits for it. */
  readonly sight: Look;
  readonly signal: AbortSignal;
}

/** Where a follower reads: the feed. */
export interface FollowerSource {
  /** The number of the last event that can be seen. */
  last(): number;
  bounds(): Promise<Bounds>;
  /** Some of the events after number `seq`, in order. */
  after(seq: number): Promise<readonly EncodedEvent[]>;
  /** Resolves when there are events after number `seq`, or the follower's signal aborts. */
  newsAfter(seq: number): Promise<void>;
}

/**
 * One reader of the feed: every event that it wants, once and in order, or a gap that says what is missing. It reads only
 * when it is asked for the next batch, so one that is slow costs nothing.
 */
export class Follower implements AsyncIterable<Batch> {
  readonly #source: FollowerSource;
  readonly #signal: AbortSignal;
  readonly #topics: ReadonlySet<EventType> | undefined;
  readonly #repository: string | undefined;
  readonly #sight: Look;
  #position: number;

  constructor(
    source: FollowerSource,
    { since, sight, signal, topics, repository }: FollowerOptions,
  ) {
    this.#source = source;
    this.#position = since;
    this.#sight = sight;
    this.#signal = signal;
    this.#topics = topics;
    this.#repository = repository?.toLowerCase();
  }

  /** Everything up to this number was handed over and dealt with, as the follower has asked for more. */
  get position(): number {
    return this.#position;
  }

  /** Batches until the signal aborts. To be iterated once. Throws what the journal throws, and `sight`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    if (await this.#isFromElsewhere()) yield* this.#gap();
    for (;;) {
      await this.#source.newsAfter(this.#position);
      if (this.#signal.aborted) return;
      const page = await this.#source.after(this.#position);
      if (page[0]?.seq !== this.#position + 1) {
        yield* this.#gap();
        continue;
      }
      const sight = await this.#sight();
      if (this.#signal.aborted) return;
      const wanted = page.filter((event) =>
        this.#wants(event) && isInSight(sight, event.repository)
      );
      if (wanted.length > 0) yield { events: wanted };
      this.#position += page.length;
    }
  }

  /** Whether its number was never given here: it is of another database. */
  async #isFromElsewhere(): Promise<boolean> {
    if (this.#signal.aborted || this.#position <= this.#source.last()) return false;
    return this.#position > (await this.#source.bounds()).last;
  }

  /** The present is where it goes on: whoever takes a snapshot while it handles the gap misses nothing. */
  async *#gap(): AsyncGenerator<Batch, void, void> {
    const { first, last } = await this.#source.bounds();
    yield { gap: { since: this.#position, first, last } };
    this.#position = last;
  }

  #wants({ type, repository }: EncodedEvent): boolean {
    if (this.#topics && !this.#topics.has(type)) return false;
    return repository === null || !this.#repository || repository === this.#repository;
  }
}
