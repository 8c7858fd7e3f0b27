import { systemClock } from "../../../src/clock.ts";
import { Inbox } from "../../../src/delivery/inbox.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import { aDelivery } from "../fixtures/delivery.ts";
import { MemoryDeliveryStore } from "../stores/delivery_store.ts";

/** An inbox for deliveries whose change is their payload. `await using` stops it. */
export class InboxUnderTest {
  /** Payloads, in the order in which they were applied. */
  readonly applied: string[] = [];
  readonly events: StoredEvent[] = [];
  /** Payloads that cannot be applied, with the reason. */
  readonly readErrors = new Map<string, string>();
  /** Called before each payload is applied. */
  onApply = (_payload: string) => {};
  readonly store = new MemoryDeliveryStore<string>(systemClock, (payload) => this.#apply(payload));
  readonly inbox = new Inbox<string>({
    store: this.store,
    parse: ({ payload }) => {
      const reason = this.readErrors.get(payload);
      if (reason !== undefined) throw new Error(reason);
      return payload;
    },
    onEvents: (events) => this.events.push(...events),
    clock: systemClock,
    random: () => 0,
  });
  readonly #stop = new AbortController();
  #finished = Promise.resolve();

  start(): this {
    this.#finished = this.inbox.run(this.#stop.signal);
    return this;
  }

  /** Stores a delivery with this payload and ID, without waking the inbox. */
  async enqueue(payload: string, orderingKey = "run 1"): Promise<void> {
    await this.store.store(aDelivery({ id: payload, payload, orderingKey }));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #apply(payload: string): readonly StoredEvent[] {
    this.onApply(payload);
    this.applied.push(payload);
    const data = { state: "polling" as const, waiting_until: null };
    return [{
      seq: this.applied.length,
      at: payload,
      type: "status",
      repository: null,
      data,
    }];
  }
}
