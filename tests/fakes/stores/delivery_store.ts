import type { Clock } from "../../../src/clock.ts";
import type {
  ApplyResult,
  Backlog,
  Delivery,
  DeliveryState,
  DeliveryStore,
  DeliverySummary,
  PendingDelivery,
  StoreResult,
} from "../../../src/delivery/delivery.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";

interface Entry {
  readonly delivery: Delivery;
  readonly receivedAt: number;
  state: DeliveryState;
  failures: number;
  error: string | null;
  dueAt: number;
  doneAt: number;
}

/** Deliveries in memory; `apply` receives the applied changes. */
export class MemoryDeliveryStore<Changes> implements DeliveryStore<Changes> {
  /** In the order of arrival. */
  readonly entries = new Map<string, Entry>();
  /** Thrown by every method while it is set. */
  error: Error | undefined;
  /** Called by `listDue` after its query. */
  onDueRead = () => {};
  readonly #clock: Clock;
  readonly #apply: (changes: Changes) => readonly StoredEvent[];

  constructor(clock: Clock, apply: (changes: Changes) => readonly StoredEvent[]) {
    this.#clock = clock;
    this.#apply = apply;
  }

  async store(delivery: Delivery): Promise<StoreResult> {
    await this.#failIfDown();
    const old = this.entries.get(delivery.id);
    if (old && old.state !== "parked") return old.state;
    const now = this.#clock.now();
    this.entries.delete(delivery.id);
    this.entries.set(delivery.id, {
      delivery,
      receivedAt: now,
      state: "waiting",
      failures: 0,
      error: null,
      dueAt: now,
      doneAt: 0,
    });
    return "stored";
  }

  async storeAndApply(delivery: Delivery, changes: Changes): Promise<ApplyResult> {
    const isHeldUp = this.#waiting().some((entry) =>
      entry.delivery.orderingKey === delivery.orderingKey
    );
    const status = await this.store(delivery);
    if (status !== "stored" || isHeldUp) return { status, events: [] };
    return { status: "applied", events: await this.apply(delivery.id, changes) };
  }

  async listDue(now: number, limit: number): Promise<readonly PendingDelivery[]> {
    await this.#failIfDown();
    const blocked = new Set<string>();
    const due: PendingDelivery[] = [];
    for (const { delivery, dueAt, failures } of this.#waiting()) {
      if (dueAt > now) blocked.add(delivery.orderingKey);
      else if (!blocked.has(delivery.orderingKey)) due.push({ ...delivery, failures });
    }
    this.onDueRead();
    return due.slice(0, limit);
  }

  async nextDueAt(): Promise<number | undefined> {
    await this.#failIfDown();
    const times = this.#waiting().map((entry) => entry.dueAt);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  async apply(id: string, changes: Changes): Promise<readonly StoredEvent[]> {
    await this.#failIfDown();
    const entry = this.entries.get(id);
    if (entry?.state !== "waiting") return [];
    const events = this.#apply(changes);
    entry.state = "done";
    entry.doneAt = this.#clock.now();
    return events;
  }

  async recordFailure(
    id: string,
    { error, retryAt }: { error: string; retryAt: number | undefined },
  ): Promise<void> {
    await this.#failIfDown();
    const entry = this.entries.get(id);
    if (!entry) return;
    entry.failures++;
    entry.error = error;
    if (retryAt === undefined) entry.state = "parked";
    else entry.dueAt = retryAt;
  }

  async backlog(): Promise<Backlog> {
    await this.#failIfDown();
    const waiting = this.#waiting();
    const states = [...this.entries.values()].map(({ state }) => state);
    return {
      waiting: waiting.length,
      parked: states.filter((state) => state === "parked").length,
      oldestReceivedAt: waiting[0]?.receivedAt,
    };
  }

  async list(
    { state, limit }: { state?: DeliveryState; limit: number },
  ): Promise<readonly DeliverySummary[]> {
    await this.#failIfDown();
    return [...this.entries.values()].reverse()
      .filter((entry) => state === undefined || entry.state === state)
      .slice(0, limit)
      .map(({ delivery: { id, event, action }, receivedAt, failures, error, state }) => ({
        id,
        event,
        action,
        state,
        receivedAt,
        failures,
        error,
      }));
  }

  async retry(id: string): Promise<boolean> {
    await this.#failIfDown();
    const entry = this.entries.get(id);
    if (entry?.state !== "parked") return false;
    Object.assign(entry, { state: "waiting", failures: 0, dueAt: this.#clock.now() });
    return true;
  }

  async prune(before: number): Promise<number> {
    await this.#failIfDown();
    const old = [...this.entries.values()].filter((entry) =>
      entry.state === "done" && entry.doneAt < before
    );
    for (const { delivery } of old) this.entries.delete(delivery.id);
    return old.length;
  }

  /** The state of each delivery, by its id. */
  get states(): Record<string, DeliveryState> {
    return Object.fromEntries([...this.entries].map(([id, { state }]) => [id, state]));
  }

  #waiting(): Entry[] {
    return [...this.entries.values()].filter((entry) => entry.state === "waiting");
  }

  #failIfDown(): Promise<void> {
    return this.error ? Promise.reject(this.error) : Promise.resolve();
  }
}
