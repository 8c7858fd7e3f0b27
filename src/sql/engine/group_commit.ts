import { StorageError } from "../../errors.ts";

interface GroupCommitOptions<Item, Outcome> {
  /** Writes items in one transaction; returns the outcome of each, in order. If it throws, nothing was written. */
  readonly write: (items: readonly Item[]) => Promise<readonly Outcome[]>;
  /** The size of an item, in characters. */
  readonly sizeOf: (item: Item) => number;
}

/** Limits of a group: large enough to share the cost of a commit, small enough that events are published soon. */
const MAX_GROUP = { items: 128, size: 16 * 1024 * 1024 };
/** Limits of the queue: two seconds of work of a slow disk, and the memory of a small machine. */
const MAX_QUEUE = { items: 10_000, size: 128 * 1024 * 1024 };

interface QueuedItem<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits small writes in groups, because the commit takes the most time: writes that arrive during a transaction share the next
 * one. Each has its own outcome: if a group fails, its items are written one by one.
 */
export class GroupCommit<Item, Outcome> {
  readonly #options: GroupCommitOptions<Item, Outcome>;
  #queue: QueuedItem<Item, Outcome>[] = [];
  #size = 0;
  #isRunning = false;

  constructor(options: GroupCommitOptions<Item, Outcome>) {
    this.#options = options;
  }

  /**
   * Resolves when the item is committed.
   * @throws {StorageError} `unavailable` when the queue is full
   */
  add(item: Item): Promise<Outcome> {
    if (this.#queue.length >= MAX_QUEUE.items || this.#size >= MAX_QUEUE.size) {
      return Promise.reject(new StorageError("unavailable", "Too many queued writes"));
    }
    this.#size += this.#options.sizeOf(item);
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      this.#start();
    });
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await yieldToEventLoop();
      await this.#commit(this.#nextGroup());
    }
    this.#isRunning = false;
  }

  /** Returns the next group, of at least one item. */
  #nextGroup(): readonly QueuedItem<Item, Outcome>[] {
    let count = 0;
    let size = 0;
    for (const { item } of this.#queue) {
      const next = this.#options.sizeOf(item);
      if (count > 0 && (count === MAX_GROUP.items || size + next > MAX_GROUP.size)) break;
      count++;
      size += next;
    }
    this.#size -= size;
    return this.#queue.splice(0, count);
  }

  async #commit(group: readonly QueuedItem<Item, Outcome>[]): Promise<void> {
    try {
      const outcomes = await this.#options.write(group.map(({ item }) => item));
      if (outcomes.length !== group.length) {
        throw new Error(`Expected ${group.length} outcomes, got ${outcomes.length}`);
      }
      for (const [index, outcome] of outcomes.entries()) group[index]?.resolve(outcome);
    } catch (error) {
      // An unavailable or full database rejects single items, too.
      if (group.length === 1 || error instanceof StorageError) {
        for (const { reject } of group) reject(error);
      } else {
        for (const each of group) await this.#commit([each]);
      }
    }
  }
}

/**
 * Yields to the event loop once, so that pending input is processed. SQLite transactions are synchronous: without this, every
 * group would have one item.
 */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
