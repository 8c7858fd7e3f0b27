import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock as clock } from "../../../src/clock.ts";
import { StorageError } from "../../../src/errors.ts";
import { ActiveClients } from "../../../src/feed/active_clients.ts";
import { type SharedSnapshot, SnapshotReplica } from "../../../src/run/polling/snapshot_replica.ts";
import { SnapshotBuilder } from "../../../src/run/snapshot_builder.ts";
import type { Snapshot } from "../../../src/run/snapshot.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { MemoryRunStore } from "../../fakes/stores/memory_stores.ts";

const INTERVAL_MS = 12_000;
const START = 1_000_000;

/** A replica of the snapshots that the test shares. `await using` stops it. */
class Test implements AsyncDisposable {
  readonly activeClients = new ActiveClients();
  readonly snapshots: Snapshot[] = [];
  shared: Omit<SharedSnapshot, "ageMs"> & { readonly at: number } | undefined;
  isLeader = false;
  error: Error | undefined;
  readonly replica: SnapshotReplica;
  readonly #stop = new AbortController();
  #finished: Promise<void> | undefined;

  constructor() {
    const store = new MemoryRunStore();
    void store.put([aRun({ id: 1, repository: "octo/a", displayTitle: "A run" })]);
    this.replica = new SnapshotReplica({
      store: {
        save: () => Promise.reject(new Error("A replica does not save snapshots")),
        load: () =>
          this.error ? Promise.reject(this.error) : Promise.resolve(
            this.shared && { ...this.shared, ageMs: Date.now() - this.shared.at },
          ),
      },
      snapshotBuilder: new SnapshotBuilder({ size: { repositories: 3, runs: 2 }, store }),
      activeClients: this.activeClients,
      intervalMs: INTERVAL_MS,
      clock,
      isLeader: () => this.isLeader,
      onSnapshot: (snapshot) => this.snapshots.push(snapshot),
    });
  }

  /** The snapshot for a client that connects, if it is not fresh. */
  get current(): Snapshot | undefined {
    return this.replica.isBehind ? this.snapshots.at(-1) : undefined;
  }

  start(): void {
    this.#finished = this.replica.run(this.#stop.signal);
  }

  /** Another instance shares a snapshot. */
  share(): void {
    const repositories = [{ id: 1, fullName: "octo/a", pushedAt: null }];
    this.shared = { repositories, version: (this.shared?.version ?? 0) + 1, at: Date.now() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#finished;
  }
}

Deno.test("SnapshotReplica publishes each snapshot of the leader once, with its time", async () => {
  using time = new FakeTime(START);
  await using test = new Test();
  test.start();
  test.activeClients.add();
  await time.tickAsync(500);
  test.share();
  await time.tickAsync(5_000);
  assertEquals(test.snapshots.map(({ takenAt }) => takenAt), [START + 500]);
  assertEquals(test.snapshots[0]?.runs.map(({ displayTitle }) => displayTitle), ["A run"]);
  test.share();
  await time.tickAsync(1_000);
  assertEquals(test.snapshots.length, 2);
});

Deno.test("SnapshotReplica is idle without clients, and on the leader", async () => {
  using time = new FakeTime(START);
  await using test = new Test();
  test.start();
  test.share();
  await time.tickAsync(3_000);
  assertEquals(test.snapshots.length, 0);
  test.activeClients.add();
  test.isLeader = true;
  await time.tickAsync(3_000);
  assertEquals(test.snapshots.length, 0);
  test.isLeader = false;
  await time.tickAsync(1_000);
  assertEquals(test.snapshots.length, 1);
});

Deno.test("SnapshotReplica publishes an old snapshot only while GitHub fails", async () => {
  using time = new FakeTime(START);
  await using test = new Test();
  test.share();
  await time.tickAsync(60_000);
  test.start();
  test.activeClients.add();
  await time.tickAsync(3_000);
  assertEquals([test.snapshots.length, test.current], [0, undefined]);
  test.replica.onStatus({ state: "waiting", waiting_until: null });
  await time.tickAsync(1_000);
  assertEquals([test.snapshots.length, test.current?.takenAt], [1, START]);
  test.replica.onStatus({ state: "polling", waiting_until: null });
  assertEquals(test.current, undefined);
});

Deno.test("SnapshotReplica is behind while the storage is unavailable", async () => {
  using time = new FakeTime(START);
  await using test = new Test();
  test.start();
  test.activeClients.add();
  test.share();
  await time.tickAsync(1_000);
  assertEquals([test.snapshots.length, test.current], [1, undefined]);
  test.error = new StorageError("unavailable", "The database does not answer");
  await time.tickAsync(60_000);
  assertEquals([test.snapshots.length, test.current?.takenAt], [1, START]);
  test.isLeader = true;
  assertEquals(test.current, undefined);
  test.isLeader = false;
  test.error = undefined;
  test.share();
  await time.tickAsync(1_000);
  assertEquals(test.current, undefined);
});

Deno.test("SnapshotReplica publishes an old snapshot if a new one is late", async () => {
  using time = new FakeTime(START);
  await using test = new Test();
  test.share();
  await time.tickAsync(60_000);
  test.start();
  test.activeClients.add();
  await time.tickAsync(INTERVAL_MS);
  assertEquals([test.snapshots.length, test.current], [0, undefined]);
  await time.tickAsync(3_000);
  assertEquals([test.snapshots.length, test.current?.takenAt], [1, START]);
  await time.tickAsync(30_000);
  assertEquals([test.snapshots.length, test.current?.takenAt], [1, START]);
  test.share();
  await time.tickAsync(1_000);
  assertEquals([test.snapshots.length, test.current], [2, undefined]);
  // After a time without clients it waits for a new snapshot again.
  test.activeClients.remove();
  await time.tickAsync(60_000);
  test.activeClients.add();
  await time.tickAsync(INTERVAL_MS);
  assertEquals(test.current, undefined);
});
