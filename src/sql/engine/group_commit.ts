import { StorageError } from "../../errors.ts";

export interface GroupCommitOptions<Item, Outcome> {
  /** Writes items in one transaction; returns the outcome of each, in order. When it throws, nothing was written. */
  readonly write: (items: readonly Item[]) => Promise<readonly Outcome[]>;
  /** How large an item is, in characters. */
  readonly sizeOf: (item: Item) => number;
}

/** A group: enough that its commit costs each item next to nothing, and small enough that readers of its events hear soon. */
const MAX_GROUP = { items: 128, size: 16 * 1024 * 1024 };
/** What may wait: two seconds' work of a slow disk, and what fits into the memory of a small machine. */
const MAX_QUEUE = { items: 10_000, size: 128 * 1024 * 1024 };

interface QueuedItem<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits small writes in groups: those that arrive while a transaction is under way share the next one, as it is the commit
 * that takes long. Each has its own outcome: when a group fails, its items are written one by one.
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
   * @throws {StorageError} `unavailable` when too much waits already
   */
  add(item: Item): Promise<Outcome> {
    if (this.#queue.length >= MAX_QUEUE.items || this.#size >= MAX_QUEUE.size) {
      return Promise.reject(new StorageError("unavailable", "Too many writes wait already"));
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

  /** The next group: one item at least. */
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
        throw new Error(`Cannot tell the outcomes: ${group.length} items have ${outcomes.length}`);
      }
      for (const [index, outcome] of outcomes.entries()) group[index]?.resolve(outcome);
    } catch (error) {
      // A database that is away or full refuses the others too.
      if (group.length === 1 || error instanceof StorageError) {
        for (const { reject } of group) reject(error);
      } else {
        for (const each of group) await this.#commit([each]);
      }
    }
  }
}

/**
 * One turn of the event loop, in which all that has come in meanwhile is handed over. A transaction of SQLite, which is
 * synchronous, leaves no other gap: without this every group would be of one.
 */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
