import { type Clock, systemClock } from "../../../src/clock.ts";
import { Inbox } from "../../../src/delivery/inbox.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import { parseChanges, toChanges } from "../../../src/github/delivery.ts";
import type { ChangeSet } from "../../../src/run/change_set.ts";
import { SqlDeliveryStore } from "../../../src/sql/delivery/delivery.ts";
import { SqlRepositoryStore } from "../../../src/sql/repository.ts";
import { SqlRunStore } from "../../../src/sql/run/run.ts";
import { SqlRunHistory } from "../../../src/sql/run/run_history.ts";
import { type DatabaseKind, openTestDatabase } from "../database.ts";
import { WebhookServer } from "./webhook_server.ts";
import { waitUntil, withTimeout } from "../wait.ts";

/** The speed of the clock: retries take hours in real time. */
const SPEED_FACTOR = 2_000;

/** The path from the webhook's socket to the database, with an accelerated clock. `await using` stops it. */
export class DeliveryPipeline {
  readonly server: WebhookServer;
  readonly deliveries: SqlDeliveryStore;
  readonly runs: SqlRunStore;
  readonly history: SqlRunHistory;
  readonly repositories: SqlRepositoryStore;
  readonly events: StoredEvent[] = [];
  readonly #inbox: Inbox<ChangeSet>;
  readonly #stop = new AbortController();
  readonly #resources: AsyncDisposableStack;
  #finished = Promise.resolve();

  private constructor(
    resources: AsyncDisposableStack,
    { database }: Awaited<ReturnType<typeof openTestDatabase>>,
  ) {
    const clock = acceleratedClock(SPEED_FACTOR);
    this.#resources = resources;
    this.deliveries = new SqlDeliveryStore(database, clock);
    this.runs = new SqlRunStore(database, clock);
    this.history = new SqlRunHistory(database);
    this.repositories = new SqlRepositoryStore(database, clock);
    this.#inbox = new Inbox<ChangeSet>({
      store: this.deliveries,
      parse: parseChanges,
      onEvents: (events) => this.#recordEvents(events),
      clock,
      random: () => 0.5,
    });
    this.server = new WebhookServer(this.deliveries, {
      read: toChanges,
      onEvents: (events) => this.#recordEvents(events),
      onStored: () => this.#inbox.wake(),
    });
  }

  static async start(kind: DatabaseKind = "memory"): Promise<DeliveryPipeline> {
    const resources = new AsyncDisposableStack();
    const system = new DeliveryPipeline(resources, resources.use(await openTestDatabase(kind)));
    resources.use(await system.server.start());
    system.#finished = system.#inbox.run(system.#stop.signal);
    return system;
  }

  /** Resolves when no delivery is waiting. */
  async waitUntilDrained(): Promise<void> {
    await waitUntil(
      async () => (await this.countWaiting()) === 0,
      "every delivery is applied or parked",
    );
  }

  async countWaiting(): Promise<number> {
    return (await this.deliveries.list({ state: "waiting", limit: 1 })).length;
  }

  #recordEvents(events: readonly StoredEvent[]): void {
    this.events.push(...events);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await withTimeout(this.#finished, "the inbox to stop");
    await this.#resources.disposeAsync();
  }
}

function acceleratedClock(speed: number): Clock {
  const start = systemClock.now();
  return {
    now: () => start + Math.round((systemClock.now() - start) * speed),
    sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
    every: (ms, tick) => systemClock.every(ms / speed, tick),
  };
}
