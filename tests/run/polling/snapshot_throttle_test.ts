import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import { ActiveClients } from "../../../src/feed/active_clients.ts";
import { SnapshotThrottle } from "../../../src/run/polling/snapshot_throttle.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { aRun } from "../../fakes/stores/github.ts";

class SnapshotThrottleUnderTest {
  readonly activeClients = new ActiveClients();
  readonly sent: { at: number; title: string | undefined; takenAt: number }[] = [];
  title = "first";
  current: Snapshot | undefined;
  readonly throttle = new SnapshotThrottle({
    clock: systemClock,
    activeClients: this.activeClients,
    current: () => this.current,
    build: (takenAt) =>
      Promise.resolve(new Snapshot([aRun({ displayTitle: this.title })], takenAt)),
    onSnapshot: (snapshot) => {
      this.current = snapshot;
      const title = snapshot.runs[0]?.displayTitle;
      this.sent.push({ at: systemClock.now(), title, takenAt: snapshot.takenAt });
    },
  });
  readonly #stop = new AbortController();
  readonly #finished = this.throttle.run(this.#stop.signal);

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#finished;
  }
}

Deno.test("SnapshotThrottle publishes a change at once, and the next ones of that second together", async () => {
  using time = new FakeTime(0);
  const test = new SnapshotThrottleUnderTest();
  test.activeClients.add();
  test.current = new Snapshot([aRun({ displayTitle: "before" })], 5);
  test.throttle.schedule();
  await time.tickAsync(0);
  for (const title of ["second", "third"]) {
    test.title = title;
    test.throttle.schedule();
    await time.tickAsync(100);
  }
  await time.tickAsync(5_000);
  await test.stop();
  assertEquals(test.sent, [
    { at: 0, title: "first", takenAt: 5 },
    { at: 1_000, title: "third", takenAt: 5 },
  ]);
});

Deno.test("SnapshotThrottle publishes nothing without changes, without clients, or before the first poll", async () => {
  using time = new FakeTime(0);
  const test = new SnapshotThrottleUnderTest();
  test.activeClients.add();
  test.throttle.schedule();
  await time.tickAsync(0);
  test.current = new Snapshot([aRun({ displayTitle: "first" })], 0);
  test.throttle.schedule();
  await time.tickAsync(0);
  test.title = "second";
  test.activeClients.remove();
  test.throttle.schedule();
  await time.tickAsync(0);
  await test.stop();
  assertEquals(test.sent, []);
});
