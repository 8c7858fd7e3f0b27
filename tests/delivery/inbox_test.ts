import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { StorageError } from "../../src/errors.ts";
import { InboxUnderTest } from "../fakes/apps/inbox.ts";
import { CapturedLog } from "../fakes/log.ts";

Deno.test("Inbox applies deliveries in the order of arrival and publishes their events", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  for (const payload of ["a", "b", "c"]) await fixture.enqueue(payload);
  fixture.start();
  await time.runMicrotasks();
  assertEquals(fixture.applied, ["a", "b", "c"]);
  assertEquals(fixture.events.map((event) => [event.seq, event.at]), [[1, "a"], [2, "b"], [
    3,
    "c",
  ]]);
  assertEquals(fixture.store.states, { a: "done", b: "done", c: "done" });
});

Deno.test("Inbox.wake() applies a delivery immediately", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest().start();
  await time.tickAsync(5_000);
  await fixture.enqueue("a");
  await time.runMicrotasks();
  assertEquals(fixture.applied, []);
  fixture.inbox.wake();
  await time.runMicrotasks();
  assertEquals(fixture.applied, ["a"]);
  assertEquals(time.now, 5_000);
});

Deno.test("Inbox does not miss a delivery that arrives during its check", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  fixture.store.onDueRead = () => {
    fixture.store.onDueRead = () => {};
    void fixture.enqueue("a").then(() => fixture.inbox.wake());
  };
  fixture.start();
  await time.runMicrotasks();
  assertEquals(fixture.applied, ["a"]);
});

Deno.test("Inbox checks every 30 s for deliveries of stopped instances", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest().start();
  await time.runMicrotasks();
  await fixture.enqueue("a");
  await time.tickAsync(29_999);
  assertEquals(fixture.applied, []);
  await time.tickAsync(1);
  assertEquals(fixture.applied, ["a"]);
});

Deno.test("Inbox pauses while another instance applies the due delivery", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  let checks = 0;
  fixture.store.onDueRead = () => checks++;
  fixture.store.nextDueAt = () => Promise.resolve(0);
  fixture.start();
  await time.tickAsync(1_000);
  assertEquals(checks, 11);
});

Deno.test("Inbox applies several batches without a pause", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  for (let index = 0; index < 350; index++) await fixture.enqueue(String(index), `run ${index}`);
  fixture.start();
  for (let round = 0; round < 20 && fixture.applied.length < 350; round++) {
    await time.runMicrotasks();
  }
  assertEquals(fixture.applied.length, 350);
  assertEquals(time.now, 0);
});

Deno.test("Inbox retries a delivery four times with growing delays, then parks it with its error", async () => {
  await using log = await new CapturedLog().start();
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  fixture.readErrors.set("a", "workflow_run.id is missing");
  await fixture.enqueue("a");
  fixture.start();
  const failures = () => fixture.store.entries.get("a")?.failures;
  await time.runMicrotasks();
  for (const [before, delay] of [[1, 1_000], [2, 4_000], [3, 16_000], [4, 64_000]] as const) {
    await time.tickAsync(delay - 1);
    assertEquals(failures(), before);
    await time.tickAsync(1);
    assertEquals(failures(), before + 1);
  }
  const [summary] = await fixture.store.list({ limit: 1 });
  assertEquals([summary?.state, summary?.error], ["parked", "workflow_run.id is missing"]);
  assertEquals(log.records.map((record) => record.level), [
    ...Array(4).fill("warning"),
    "error",
  ]);
  assertEquals(
    log.lines.at(-1),
    "Parked delivery a (workflow_run) after 5 failures: workflow_run.id is missing",
  );
});

Deno.test("Inbox applies a delivery whose retry succeeds", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  fixture.readErrors.set("a", "no");
  await fixture.enqueue("a");
  fixture.start();
  await time.tickAsync(1_500);
  fixture.readErrors.clear();
  await time.tickAsync(5_000);
  assertEquals(fixture.store.states, { a: "done" });
  assertEquals(fixture.applied, ["a"]);
});

Deno.test("Inbox delays only deliveries with the ordering key of a failed one", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  fixture.readErrors.set("a1", "not yet");
  await fixture.enqueue("a1", "run 1");
  await fixture.enqueue("a2", "run 1");
  await fixture.enqueue("b1", "run 2");
  fixture.start();
  await time.runMicrotasks();
  assertEquals(fixture.applied, ["b1"]);
  fixture.readErrors.clear();
  await time.tickAsync(1_000);
  assertEquals(fixture.applied, ["b1", "a1", "a2"]);
});

Deno.test("Inbox applies the next delivery of an ordering key after one is parked", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  fixture.readErrors.set("a1", "never");
  await fixture.enqueue("a1");
  await fixture.enqueue("a2");
  fixture.start();
  await time.tickAsync(84_999);
  assertEquals(fixture.applied, []);
  await time.tickAsync(101);
  assertEquals(fixture.store.states, { a1: "parked", a2: "done" });
});

Deno.test("Inbox counts no failure during a storage outage, and continues after it", async () => {
  await using log = await new CapturedLog().start();
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  await fixture.enqueue("a");
  fixture.store.error = new StorageError("unavailable", "The database does not answer");
  fixture.start();
  await time.tickAsync(600_500);
  assertEquals(fixture.store.entries.get("a")?.failures, 0);
  fixture.store.error = undefined;
  await time.tickAsync(1_000);
  assertEquals(fixture.store.states, { a: "done" });
  assertEquals(log.lines, [
    "Storage unavailable; deliveries queued: The database does not answer",
    "Storage available; applying deliveries",
  ]);
});

Deno.test("Inbox keeps the order of deliveries when a transaction fails", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  let errors = 3;
  fixture.onApply = () => {
    if (errors-- > 0) throw new StorageError("full", "No room");
  };
  await fixture.enqueue("a");
  await fixture.enqueue("b");
  fixture.start();
  await time.tickAsync(3_000);
  assertEquals(fixture.applied, ["a", "b"]);
  assertEquals([...fixture.store.entries.values()].map((entry) => entry.failures), [0, 0]);
});

Deno.test("Inbox waits a second after a storage error, even if it is woken", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  let tries = 0;
  fixture.onApply = () => {
    tries++;
    throw new StorageError("full", "No room");
  };
  await fixture.enqueue("a");
  fixture.start();
  for (let index = 0; index < 50; index++) {
    fixture.inbox.wake();
    await time.tickAsync(10);
  }
  assertEquals(tries, 1);
});

Deno.test("Inbox stops immediately while it sleeps or waits for the storage", async () => {
  using time = new FakeTime(0);
  const sleeping = new InboxUnderTest().start();
  await time.runMicrotasks();
  await sleeping.stop();
  const waiting = new InboxUnderTest();
  waiting.store.error = new StorageError("unavailable", "Gone");
  waiting.start();
  await time.runMicrotasks();
  await waiting.stop();
  assertEquals(time.now, 0);
});

Deno.test("Inbox stops between two deliveries, and leaves the rest for the next start", async () => {
  const fixture = new InboxUnderTest();
  const stopped = Promise.withResolvers<void>();
  fixture.onApply = (payload) => {
    if (payload === "b") void fixture.stop().then(stopped.resolve);
  };
  for (const payload of ["a", "b", "c"]) await fixture.enqueue(payload);
  fixture.start();
  await stopped.promise;
  assertEquals(fixture.store.states, { a: "done", b: "done", c: "waiting" });
});

Deno.test("Inbox deletes done deliveries after a week, checking every hour", async () => {
  using time = new FakeTime(0);
  await using fixture = new InboxUnderTest();
  await fixture.enqueue("a");
  fixture.start();
  const week = 7 * 24 * 3_600_000;
  await time.tickAsync(week - 3_600_000);
  await fixture.enqueue("b");
  await time.tickAsync(3_600_000);
  assertEquals(fixture.store.states, { a: "done", b: "done" });
  await time.tickAsync(3_630_000);
  assertEquals(fixture.store.states, { b: "done" });
});

Deno.test("Inbox fails on an unexpected error", async () => {
  const fixture = new InboxUnderTest();
  fixture.store.listDue = () => Promise.reject(new TypeError("A mistake"));
  fixture.start();
  await assertRejects(() => fixture.stop(), TypeError, "A mistake");
  assert(fixture.applied.length === 0);
});
