import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { StorageError } from "../../src/errors.ts";
import { InboxUnderTest } from "../fakes/apps/inbox.ts";
import { CapturedLog } from "../fakes/log.ts";

Deno.test("Inbox applies what waits in the order in which it came, and tells what has changed", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  for (const payload of ["a", "b", "c"]) await under.enqueue(payload);
  under.start();
  await time.runMicrotasks();
  assertEquals(under.applied, ["a", "b", "c"]);
  assertEquals(under.events.map((event) => [event.seq, event.at]), [[1, "a"], [2, "b"], [3, "c"]]);
  assertEquals(under.store.states, { a: "done", b: "done", c: "done" });
});

Deno.test("Inbox.wake() applies a delivery at once", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest().start();
  await time.tickAsync(5_000);
  await under.enqueue("a");
  await time.runMicrotasks();
  assertEquals(under.applied, []);
  under.inbox.wake();
  await time.runMicrotasks();
  assertEquals(under.applied, ["a"]);
  assertEquals(time.now, 5_000);
});

Deno.test("Inbox does not sleep over a delivery that came while it looked", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  under.store.onDueRead = () => {
    under.store.onDueRead = () => {};
    void under.enqueue("a").then(() => under.inbox.wake());
  };
  under.start();
  await time.runMicrotasks();
  assertEquals(under.applied, ["a"]);
});

Deno.test("Inbox looks every 30 s for what another instance has left behind", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest().start();
  await time.runMicrotasks();
  await under.enqueue("a");
  await time.tickAsync(29_999);
  assertEquals(under.applied, []);
  await time.tickAsync(1);
  assertEquals(under.applied, ["a"]);
});

Deno.test("Inbox does not spin while another instance holds what is due", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  let looks = 0;
  under.store.onDueRead = () => looks++;
  under.store.nextDueAt = () => Promise.resolve(0);
  under.start();
  await time.tickAsync(1_000);
  assertEquals(looks, 11);
});

Deno.test("Inbox works off more than one batch without a pause", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  for (let index = 0; index < 350; index++) await under.enqueue(String(index), `run ${index}`);
  under.start();
  for (let round = 0; round < 20 && under.applied.length < 350; round++) await time.runMicrotasks();
  assertEquals(under.applied.length, 350);
  assertEquals(time.now, 0);
});

Deno.test("Inbox tries what failed again, four times at growing distances, and then parks it with its reason", async () => {
  await using log = await new CapturedLog().start();
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  under.readErrors.set("a", "workflow_run.id is missing");
  await under.enqueue("a");
  under.start();
  const failures = () => under.store.entries.get("a")?.failures;
  await time.runMicrotasks();
  for (const [before, distance] of [[1, 1_000], [2, 4_000], [3, 16_000], [4, 64_000]] as const) {
    await time.tickAsync(distance - 1);
    assertEquals(failures(), before);
    await time.tickAsync(1);
    assertEquals(failures(), before + 1);
  }
  const [summary] = await under.store.list({ limit: 1 });
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

Deno.test("Inbox goes on with a delivery that was retried in time", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  under.readErrors.set("a", "no");
  await under.enqueue("a");
  under.start();
  await time.tickAsync(1_500);
  under.readErrors.clear();
  await time.tickAsync(5_000);
  assertEquals(under.store.states, { a: "done" });
  assertEquals(under.applied, ["a"]);
});

Deno.test("Inbox lets what comes after a failed delivery of the same subject wait, and no other", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  under.readErrors.set("a1", "not yet");
  await under.enqueue("a1", "run 1");
  await under.enqueue("a2", "run 1");
  await under.enqueue("b1", "run 2");
  under.start();
  await time.runMicrotasks();
  assertEquals(under.applied, ["b1"]);
  under.readErrors.clear();
  await time.tickAsync(1_000);
  assertEquals(under.applied, ["b1", "a1", "a2"]);
});

Deno.test("Inbox goes on with the next of a subject once a delivery is parked", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  under.readErrors.set("a1", "never");
  await under.enqueue("a1");
  await under.enqueue("a2");
  under.start();
  await time.tickAsync(84_999);
  assertEquals(under.applied, []);
  await time.tickAsync(101);
  assertEquals(under.store.states, { a1: "parked", a2: "done" });
});

Deno.test("Inbox counts trouble of the storage for no failure, and goes on when it is over", async () => {
  await using log = await new CapturedLog().start();
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  await under.enqueue("a");
  under.store.error = new StorageError("unavailable", "The database does not answer");
  under.start();
  await time.tickAsync(600_500);
  assertEquals(under.store.entries.get("a")?.failures, 0);
  under.store.error = undefined;
  await time.tickAsync(1_000);
  assertEquals(under.store.states, { a: "done" });
  assertEquals(log.lines, [
    "Deliveries wait for the storage: The database does not answer",
    "Deliveries are applied again",
  ]);
});

Deno.test("Inbox keeps the place of a delivery whose transaction the storage could not make", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  let troubles = 3;
  under.onApply = () => {
    if (troubles-- > 0) throw new StorageError("full", "No room");
  };
  await under.enqueue("a");
  await under.enqueue("b");
  under.start();
  await time.tickAsync(3_000);
  assertEquals(under.applied, ["a", "b"]);
  assertEquals([...under.store.entries.values()].map((entry) => entry.failures), [0, 0]);
});

Deno.test("Inbox leaves a storage in trouble alone for a second, however often it is woken", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  let tries = 0;
  under.onApply = () => {
    tries++;
    throw new StorageError("full", "No room");
  };
  await under.enqueue("a");
  under.start();
  for (let index = 0; index < 50; index++) {
    under.inbox.wake();
    await time.tickAsync(10);
  }
  assertEquals(tries, 1);
});

Deno.test("Inbox stops at once while it sleeps, and while it waits for the storage", async () => {
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
  const under = new InboxUnderTest();
  const stopped = Promise.withResolvers<void>();
  under.onApply = (payload) => {
    if (payload === "b") void under.stop().then(stopped.resolve);
  };
  for (const payload of ["a", "b", "c"]) await under.enqueue(payload);
  under.start();
  await stopped.promise;
  assertEquals(under.store.states, { a: "done", b: "done", c: "waiting" });
});

Deno.test("Inbox forgets deliveries a week after they were done, looking every hour", async () => {
  using time = new FakeTime(0);
  await using under = new InboxUnderTest();
  await under.enqueue("a");
  under.start();
  const week = 7 * 24 * 3_600_000;
  await time.tickAsync(week - 3_600_000);
  await under.enqueue("b");
  await time.tickAsync(3_600_000);
  assertEquals(under.store.states, { a: "done", b: "done" });
  await time.tickAsync(3_630_000);
  assertEquals(under.store.states, { b: "done" });
});

Deno.test("Inbox ends with an error that is no fault of a delivery or of the storage", async () => {
  const under = new InboxUnderTest();
  under.store.listDue = () => Promise.reject(new TypeError("A mistake"));
  under.start();
  await assertRejects(() => under.stop(), TypeError, "A mistake");
  assert(under.applied.length === 0);
});
