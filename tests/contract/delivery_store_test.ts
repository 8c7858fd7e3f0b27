import { assertEquals } from "@std/assert";
import { EMPTY_CHANGE_SET } from "../../src/run/change_set.ts";
import { SqlDeliveryStore } from "../../src/sql/delivery/delivery.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aDelivery } from "../fakes/fixtures/delivery.ts";

const NOON = Date.UTC(2026, 0, 1, 12);

async function readIds(list: Promise<readonly { readonly id: string }[]>): Promise<string[]> {
  return (await list).map(({ id }) => id);
}

testOverDatabases("DeliveryStore.store() stores a delivery unchanged, once", async (
  { database },
) => {
  const store = new SqlDeliveryStore(database, new ManualClock(NOON));
  const delivery = aDelivery({ action: "requested", payload: `{"text":"🚀 ' \\u0000"}` });
  assertEquals(await store.store(delivery), "stored");
  assertEquals(await store.store({ ...delivery, payload: "{}" }), "waiting");
  assertEquals(await store.listDue(NOON, 9), [{ ...delivery, failures: 0 }]);
});

testOverDatabases("DeliveryStore.store() reports a delivery that is done", async ({ database }) => {
  const store = new SqlDeliveryStore(database, new ManualClock(NOON));
  await store.store(aDelivery({ id: "a" }));
  await store.apply("a", EMPTY_CHANGE_SET);
  assertEquals(await store.store(aDelivery({ id: "a" })), "done");
  assertEquals(await store.listDue(NOON, 9), []);
});

testOverDatabases("DeliveryStore.store() requeues a parked delivery without failures", async (
  { database },
) => {
  const clock = new ManualClock(NOON);
  const store = new SqlDeliveryStore(database, clock);
  await store.store(aDelivery({ id: "a" }));
  await store.recordFailure("a", { error: "No", retryAt: undefined });
  assertEquals(await store.listDue(NOON * 2, 9), []);
  assertEquals(await store.nextDueAt(), undefined);
  clock.time += 60_000;
  assertEquals(await store.store(aDelivery({ id: "a" })), "stored");
  assertEquals(await store.nextDueAt(), NOON + 60_000);
  assertEquals(await store.listDue(clock.time, 9), [{ ...aDelivery({ id: "a" }), failures: 0 }]);
});

testOverDatabases(
  "Concurrent DeliveryStore.store() of one ID on two instances stores it once",
  async (
    { database, connectAgain },
  ) => {
    const stores = [database, await connectAgain()].map((each) =>
      new SqlDeliveryStore(each, new ManualClock(NOON))
    );
    for (const id of ["a", "b", "c"]) {
      const calls = Array.from({ length: 50 }, (_, i) => stores[i % 2]?.store(aDelivery({ id })));
      const results = await Promise.all(calls);
      assertEquals(results.filter((result) => result === "stored").length, 1);
      assertEquals(results.filter((result) => result === "waiting").length, 49);
    }
    assertEquals(
      await readIds(
        database.read((db) => db.selectFrom("deliveries").select("id").orderBy("id").execute()),
      ),
      [
        "a",
        "b",
        "c",
      ],
    );
  },
);

testOverDatabases(
  "DeliveryStore.store() stores a thousand concurrent deliveries in the order of the calls",
  async (
    { database },
  ) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    const ids = Array.from({ length: 1_000 }, (_, index) => `id ${index}`);
    const results = await Promise.all(
      ids.map((id) => store.store(aDelivery({ id, orderingKey: id }))),
    );
    assertEquals(new Set(results), new Set(["stored"]));
    assertEquals(await readIds(store.listDue(NOON, 2_000)), ids);
    assertEquals(await readIds(store.listDue(NOON, 3)), ids.slice(0, 3));
  },
);

testOverDatabases(
  "DeliveryStore.listDue() holds back deliveries behind a failed one with the same ordering key",
  async (
    { database },
  ) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    await store.store(aDelivery({ id: "a", orderingKey: "run 1" }));
    await store.store(aDelivery({ id: "b", orderingKey: "run 2" }));
    await store.store(aDelivery({ id: "c", orderingKey: "run 1" }));
    await store.store(aDelivery({ id: "d", orderingKey: "run 2" }));
    const later = NOON + 5_000;
    await store.recordFailure("a", { error: "Not yet", retryAt: later });
    assertEquals(await readIds(store.listDue(NOON, 9)), ["b", "d"]);
    await store.apply("b", EMPTY_CHANGE_SET);
    await store.apply("d", EMPTY_CHANGE_SET);
    assertEquals(await store.nextDueAt(), later);
    assertEquals(await readIds(store.listDue(later - 1, 9)), []);
    assertEquals(await readIds(store.listDue(later, 9)), ["a", "c"]);
    assertEquals((await store.listDue(later, 1))[0]?.failures, 1);
  },
);

testOverDatabases(
  "DeliveryStore.listDue() continues behind a parked delivery",
  async ({ database }) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    await store.store(aDelivery({ id: "a" }));
    await store.store(aDelivery({ id: "b" }));
    await store.recordFailure("a", { error: "No", retryAt: undefined });
    assertEquals(await readIds(store.listDue(NOON, 9)), ["b"]);
  },
);

testOverDatabases(
  "DeliveryStore.recordFailure() does not change a delivery that is done",
  async ({ database }) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    await store.store(aDelivery({ id: "a" }));
    await store.apply("a", EMPTY_CHANGE_SET);
    await store.recordFailure("a", { error: "Too late", retryAt: NOON });
    assertEquals(
      (await store.list({ limit: 9 })).map(({ state, failures }) => ({ state, failures })),
      [
        { state: "done", failures: 0 },
      ],
    );
  },
);

testOverDatabases("DeliveryStore.list() returns the latest first, with errors", async (
  { database },
) => {
  const clock = new ManualClock(NOON);
  const store = new SqlDeliveryStore(database, clock);
  await store.store(aDelivery({ id: "a", action: null }));
  clock.time += 1_000;
  await store.store(aDelivery({ id: "b", action: "requested" }));
  await store.recordFailure("a", { error: "One", retryAt: NOON });
  await store.recordFailure("a", { error: "Two", retryAt: undefined });
  const a = {
    id: "a",
    event: "workflow_run",
    action: null,
    state: "parked" as const,
    receivedAt: NOON,
    failures: 2,
    error: "Two",
  };
  const b = {
    ...a,
    id: "b",
    action: "requested",
    state: "waiting" as const,
    receivedAt: NOON + 1_000,
    failures: 0,
    error: null,
  };
  assertEquals(await store.list({ limit: 9 }), [b, a]);
  assertEquals(await store.list({ limit: 1 }), [b]);
  assertEquals(await store.list({ state: "parked", limit: 9 }), [a]);
  assertEquals(await store.list({ state: "done", limit: 9 }), []);
});

testOverDatabases("DeliveryStore.retry() requeues only a parked delivery", async (
  { database },
) => {
  const clock = new ManualClock(NOON);
  const store = new SqlDeliveryStore(database, clock);
  await store.store(aDelivery({ id: "a" }));
  await store.store(aDelivery({ id: "b", orderingKey: "run 2" }));
  await store.recordFailure("a", { error: "No", retryAt: undefined });
  await store.apply("b", EMPTY_CHANGE_SET);
  clock.time += 1_000;
  assertEquals(await store.retry("a"), true);
  assertEquals([await store.retry("a"), await store.retry("b"), await store.retry("c")], [
    false,
    false,
    false,
  ]);
  assertEquals(await store.listDue(clock.time, 9), [{ ...aDelivery({ id: "a" }), failures: 0 }]);
});

testOverDatabases("DeliveryStore.prune() deletes only deliveries done long ago", async (
  { database },
) => {
  const clock = new ManualClock(NOON);
  const store = new SqlDeliveryStore(database, clock);
  for (const id of ["waiting", "parked", "old", "young"]) {
    await store.store(aDelivery({ id, orderingKey: id }));
  }
  await store.recordFailure("parked", { error: "No", retryAt: undefined });
  await store.apply("old", EMPTY_CHANGE_SET);
  clock.time += 1;
  await store.apply("young", EMPTY_CHANGE_SET);
  assertEquals(await store.prune(NOON + 1), 1);
  assertEquals(await readIds(store.list({ limit: 9 })), ["young", "parked", "waiting"]);
  assertEquals(await store.store(aDelivery({ id: "old" })), "stored");
});

testOverDatabases("DeliveryStore has its deliveries after a restart", async (
  { database, reopen },
) => {
  const store = new SqlDeliveryStore(database, new ManualClock(NOON));
  await store.store(aDelivery({ id: "a" }));
  await store.store(aDelivery({ id: "b" }));
  await store.apply("a", EMPTY_CHANGE_SET);
  await database.close();
  const reopened = new SqlDeliveryStore(await reopen(), new ManualClock(NOON));
  assertEquals(await readIds(reopened.listDue(NOON, 9)), ["b"]);
  assertEquals(await reopened.store(aDelivery({ id: "a" })), "done");
}, { kinds: ["sqlite", "postgres"] });

testOverDatabases("DeliveryStore.backlog() counts waiting and parked deliveries", async (
  { database },
) => {
  const clock = new ManualClock(NOON);
  const store = new SqlDeliveryStore(database, clock);
  assertEquals(await store.backlog(), { waiting: 0, parked: 0, oldestReceivedAt: undefined });
  for (const id of ["done", "parked", "first", "second"]) {
    clock.time += 1_000;
    await store.store(aDelivery({ id, orderingKey: id }));
  }
  await store.apply("done", EMPTY_CHANGE_SET);
  await store.recordFailure("parked", { error: "No", retryAt: undefined });
  assertEquals(await store.backlog(), { waiting: 2, parked: 1, oldestReceivedAt: NOON + 3_000 });
});
