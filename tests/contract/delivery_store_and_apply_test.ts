import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { type ChangeSet, EMPTY_CHANGE_SET } from "../../src/run/change_set.ts";
import { toRunEvent } from "../../src/run/event.ts";
import type { Run } from "../../src/run/run.ts";
import { SqlDeliveryStore } from "../../src/sql/delivery/delivery.ts";
import { SqlEventLog } from "../../src/sql/event_log.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aDelivery } from "../fakes/fixtures/delivery.ts";
import { aRun } from "../fakes/stores/github.ts";

const NOON = Date.UTC(2026, 0, 1, 12);

function changes(fields: Partial<Run>): ChangeSet {
  return { ...EMPTY_CHANGE_SET, runs: [aRun(fields)] };
}

testOverDatabases(
  "DeliveryStore.storeAndApply() applies a delivery and stores it without its payload",
  async (
    { database },
  ) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    const { status, events } = await store.storeAndApply(
      aDelivery({ id: "a" }),
      changes({ id: 7 }),
    );
    assertEquals(status, "applied");
    assertEquals(events.map(({ type, data }) => ({ type, data })), [
      { type: "run", data: toRunEvent(aRun({ id: 7 })).data },
    ]);
    assertEquals(await new SqlEventLog(database, systemClock).readAfter(0, 9), events);
    assertEquals(await new SqlRunStore(database, systemClock).latest("octo/a", 9), [
      aRun({ id: 7 }),
    ]);
    const rows = await database.read((db) =>
      db.selectFrom("deliveries").select(["state", "payload", "done_ms"]).execute()
    );
    assertEquals(rows.map((row) => ({ ...row })), [{
      state: "done",
      payload: null,
      done_ms: NOON,
    }]);
    assertEquals(await store.listDue(NOON, 9), []);
  },
);

testOverDatabases("DeliveryStore.storeAndApply() does not apply a known delivery", async (
  { database },
) => {
  const store = new SqlDeliveryStore(database, new ManualClock(NOON));
  for (const id of ["waiting", "parked", "done"]) {
    await store.store(aDelivery({ id, orderingKey: id }));
  }
  await store.recordFailure("parked", { error: "No", retryAt: undefined });
  await store.apply("done", EMPTY_CHANGE_SET);
  for (
    const [id, status] of [["waiting", "waiting"], ["parked", "stored"], ["done", "done"]] as const
  ) {
    const results = await store.storeAndApply(aDelivery({ id, orderingKey: "other" }), changes({}));
    assertEquals(results, { status, events: [] });
  }
  assertEquals((await store.listDue(NOON, 9)).map(({ id }) => id), ["waiting", "parked"]);
  assertEquals((await new SqlEventLog(database, systemClock).seqRange()).last, 0);
});

testOverDatabases(
  "DeliveryStore.storeAndApply() queues a delivery behind a waiting one with the same ordering key",
  async (
    { database },
  ) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    await store.store(aDelivery({ id: "a", orderingKey: "run 1" }));
    const results = await Promise.all([
      store.storeAndApply(aDelivery({ id: "b", orderingKey: "run 1" }), changes({ id: 1 })),
      store.storeAndApply(aDelivery({ id: "c", orderingKey: "run 2" }), changes({ id: 2 })),
      store.store(aDelivery({ id: "d", orderingKey: "run 3" })),
      store.storeAndApply(aDelivery({ id: "e", orderingKey: "run 3" }), changes({ id: 3 })),
    ]);
    const statuses = results.map((each) => typeof each === "string" ? each : each.status);
    assertEquals(statuses, ["stored", "applied", "stored", "stored"]);
    assertEquals((await store.listDue(NOON, 9)).map(({ id }) => id), ["a", "b", "d", "e"]);
    const runs = await new SqlRunStore(database, systemClock).latest("octo/a", 9);
    assertEquals(runs.map(({ id }) => id), [2]);
  },
);

testOverDatabases(
  "Concurrent DeliveryStore.storeAndApply() returns each state of a run, in order",
  async (
    { database },
  ) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    const at = (second: number) => `2026-01-01T00:01:0${second}Z`;
    const states = ["queued", "in_progress", "completed"];
    const results = await Promise.all(
      states.flatMap((status, second) =>
        [1, 2].map((id) =>
          store.storeAndApply(
            aDelivery({ id: `${id} ${status}`, orderingKey: `run ${id}` }),
            status === "in_progress"
              ? {
                ...EMPTY_CHANGE_SET,
                jobs: [{ runId: id, repository: "octo/a", runAttempt: 1, status, at: at(second) }],
              }
              : changes({ id, status, updatedAt: at(second) }),
          )
        )
      ),
    );
    assertEquals(
      results.map(({ status }) => status),
      Array(6).fill("applied"),
    );
    const emitted = results.map(({ events }) =>
      events.map((event) => event.type === "run" && event.data)
    );
    assertEquals(
      emitted.map(([data]) => data && [data.id, data.status]),
      states.flatMap((status) => [[1, status], [2, status]]),
    );
    assertEquals(results.flatMap(({ events }) => events.map(({ seq }) => seq)), [1, 2, 3, 4, 5, 6]);
    const runs = await new SqlRunStore(database, systemClock).latest("octo/a", 9);
    assertEquals(runs.map(({ id, status }) => [id, status]), [[2, "completed"], [1, "completed"]]);
  },
);

testOverDatabases(
  "Concurrent DeliveryStore.storeAndApply() of one ID on two instances applies it once",
  async (
    { database, connectAgain },
  ) => {
    const stores = [database, await connectAgain()].map((each) =>
      new SqlDeliveryStore(each, new ManualClock(NOON))
    );
    const pending = Array.from(
      { length: 20 },
      (_, index) =>
        stores[index % 2]?.storeAndApply(aDelivery({ id: "a" }), changes({ id: index + 1 })),
    );
    const results = await Promise.all(pending);
    assertEquals(results.filter((each) => each?.status === "applied").length, 1);
    assertEquals(results.filter((each) => each?.status === "done").length, 19);
    assertEquals(results.flatMap((each) => each?.events ?? []).length, 1);
    assertEquals((await new SqlRunStore(database, systemClock).latest("octo/a", 99)).length, 1);
  },
);

testOverDatabases(
  "Concurrent DeliveryStore.storeAndApply() of one run on two instances ends in its last state",
  async (
    { database, connectAgain },
  ) => {
    const stores = [database, await connectAgain()].map((each) =>
      new SqlDeliveryStore(each, new ManualClock(NOON))
    );
    const pending = Array.from({ length: 60 }, (_, index) => {
      const updatedAt = `2026-01-01T00:01:${String(index * 7 % 60).padStart(2, "0")}Z`;
      const emitted = changes({ id: index % 3 + 1, updatedAt });
      return stores[index % 2]?.storeAndApply(
        aDelivery({ id: `${index}`, orderingKey: `${index}` }),
        emitted,
      );
    });
    const results = await Promise.all(pending);
    assertEquals(results.filter((each) => each?.status !== "applied"), []);
    const runs = await new SqlRunStore(database, systemClock).latest("octo/a", 9);
    assertEquals(runs.map(({ id, updatedAt }) => [id, updatedAt.slice(-3, -1)]), [
      [3, "59"],
      [2, "58"],
      [1, "57"],
    ]);
    const events = await new SqlEventLog(database, systemClock).readAfter(0, 99);
    const emitted = results.flatMap((each) => each?.events ?? []).toSorted((a, b) => a.seq - b.seq);
    assertEquals(emitted, events);
  },
);

testOverDatabases(
  "DeliveryStore.storeAndApply() queues a delivery that cannot be applied, and later ones behind it",
  async (
    { database },
  ) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    const results = await Promise.all([
      store.storeAndApply(aDelivery({ id: "bad" }), changes({ id: 1, createdAt: "not a time" })),
      store.storeAndApply(aDelivery({ id: "next" }), changes({ id: 1 })),
      store.storeAndApply(aDelivery({ id: "other", orderingKey: "run 2" }), changes({ id: 2 })),
    ]);
    assertEquals(results.map(({ status }) => status), ["stored", "stored", "applied"]);
    const due = await store.listDue(NOON, 9);
    assertEquals(due.map(({ id, payload }) => [id, payload]), [["bad", "{}"], ["next", "{}"]]);
    assertEquals((await new SqlEventLog(database, systemClock).seqRange()).last, 1);
  },
);

testOverDatabases(
  "Concurrent DeliveryStore.apply() applies each delivery, and fails one without the others",
  async (
    { database },
  ) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    const ids = ["1", "2", "3"];
    for (const id of ids) await store.store(aDelivery({ id, orderingKey: id }));
    const outcomes = await Promise.allSettled(
      ids.map((id) =>
        store.apply(id, changes(id === "2" ? { createdAt: "not a time" } : { id: Number(id) }))
      ),
    );
    assertEquals(
      outcomes.map((outcome) =>
        outcome.status === "fulfilled" && outcome.value.map(({ data }) => "id" in data && data.id)
      ),
      [[1], false, [3]],
    );
    assertEquals((await store.listDue(NOON, 9)).map(({ id }) => id), ["2"]);
    assert((await new SqlRunStore(database, systemClock).latest("octo/a", 9)).length === 2);
  },
);

testOverDatabases(
  "Concurrent DeliveryStore.storeAndApply() gives a workflow the name in its latest run",
  async ({ database }) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    const names = ["older", "latest", "oldest"];
    const created = ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-01T00:00:00Z"];
    await Promise.all(names.map((workflowName, index) =>
      store.storeAndApply(
        aDelivery({ id: workflowName, orderingKey: workflowName }),
        changes({ id: index + 1, workflowName, createdAt: created[index] ?? "" }),
      )
    ));
    const workflows = await database.read((db) =>
      db.selectFrom("workflows").select("name").execute()
    );
    assertEquals(workflows.map(({ name }) => name), ["latest"]);
  },
);
