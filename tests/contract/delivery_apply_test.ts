import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { toRepositoryEvent } from "../../src/repository/repository.ts";
import { type ChangeSet, EMPTY_CHANGE_SET } from "../../src/run/change_set.ts";
import { toRunEvent } from "../../src/run/event.ts";
import { SqlDeliveryStore } from "../../src/sql/delivery/delivery.ts";
import { applyInOrder } from "../../src/sql/delivery/apply.ts";
import { SqlEventLog } from "../../src/sql/event_log.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aDelivery } from "../fakes/fixtures/delivery.ts";
import { aRun } from "../fakes/stores/github.ts";

const NOON = Date.UTC(2026, 0, 1, 12);

function changes(fields: Partial<ChangeSet>): ChangeSet {
  return { ...EMPTY_CHANGE_SET, ...fields };
}

testOverDatabases(
  "DeliveryStore.apply() merges all changes of a delivery in one transaction",
  async (
    { database },
  ) => {
    const store = new SqlDeliveryStore(database, new ManualClock(NOON));
    const runs = new SqlRunStore(database, systemClock);
    const repository = { id: 1, fullName: "octo/a", pushedAt: null };
    await runs.put([aRun({ id: 1, status: "queued" })]);
    await store.store(aDelivery({ id: "a" }));
    const at = "2026-01-01T00:01:00Z";
    const events = await store.apply("a", {
      runs: [aRun({ id: 2 })],
      jobs: [
        { runId: 1, repository: "octo/a", runAttempt: 1, status: "in_progress", at },
        { runId: 99, repository: "octo/a", runAttempt: 1, status: "in_progress", at },
      ],
      repositories: [repository],
      removedRepositories: [1, 2],
      accessChanged: [],
      revokedUsers: [],
    });
    const started = aRun({ id: 1, status: "in_progress", updatedAt: at, source: "webhook" });
    assertEquals(
      events.map(({ type, repository, data }) => ({ type, repository, data })),
      [
        toRepositoryEvent(repository),
        toRepositoryEvent(repository, { removed: true }),
        toRunEvent(aRun({ id: 2 })),
        toRunEvent(started),
      ],
    );
    assertEquals(await new SqlEventLog(database, systemClock).readAfter(1, 9), events);
    assertEquals((await runs.latest("octo/a", 9)).toSorted((a, b) => a.id - b.id), [
      started,
      aRun({ id: 2 }),
    ]);
  },
);

testOverDatabases(
  "applyInOrder() applies the deliveries of a repository one after the other",
  async (
    { database },
  ) => {
    const repository = { id: 1, fullName: "octo/a", pushedAt: null };
    const changeSet = changes({ repositories: [repository] });
    const pushed = { ...repository, pushedAt: "2026-01-01T00:00:00Z" };
    await database.write((tx) => applyInOrder(tx, [changeSet], { clock: systemClock }));
    const deliveries = [
      changes({ repositories: [pushed, repository] }),
      changeSet,
      changes({ removedRepositories: [1] }),
      changeSet,
    ];
    const events = await database.write((tx) =>
      applyInOrder(tx, deliveries, { clock: systemClock })
    );
    assertEquals(
      events.map((each) => each.map(({ type, repository, data }) => ({ type, repository, data }))),
      [
        [toRepositoryEvent(pushed)],
        [],
        [toRepositoryEvent(pushed, { removed: true })],
        [toRepositoryEvent(pushed)],
      ],
    );
  },
);

testOverDatabases("applyInOrder() locks repositories in the order of IDs", async (
  { database },
) => {
  const [a, b] = [1, 2].map((id) =>
    changes({ repositories: [{ id, fullName: `octo/${id}`, pushedAt: null }] })
  );
  assert(a && b);
  let tries = 0;
  const apply = (changeSet: readonly ChangeSet[]) =>
    database.write((tx) => {
      tries++;
      return applyInOrder(tx, changeSet, { clock: systemClock });
    });
  await apply([a, b]);
  let others: Promise<unknown>[] = [];
  await database.write(async (tx) => {
    await applyInOrder(tx, [a], { clock: systemClock });
    for (const changeSet of [[a, b], [b, a]]) {
      others = [...others, apply(changeSet)];
      await systemClock.sleep(100);
    }
  });
  await Promise.all(others);
  assertEquals(tries, 3);
}, { kinds: ["postgres"] });

testOverDatabases("DeliveryStore.apply() changes nothing if it fails", async ({ database }) => {
  const store = new SqlDeliveryStore(database, new ManualClock(NOON));
  await store.store(aDelivery({ id: "a" }));
  const broken = changes({ runs: [aRun({ id: 1 }), aRun({ id: 2, createdAt: "not a time" })] });
  const failure = await store.apply("a", broken).then(() => undefined, (error) => error);
  assert(failure instanceof Error);
  assertEquals(await new SqlRunStore(database, systemClock).latest("octo/a", 9), []);
  assertEquals(await store.listDue(NOON, 9), [{ ...aDelivery({ id: "a" }), failures: 0 }]);
  assertEquals((await new SqlEventLog(database, systemClock).seqRange()).last, 0);
});

testOverDatabases(
  "DeliveryStore.apply() applies a delivery once, even with concurrent calls",
  async (
    { database, connectAgain },
  ) => {
    const stores = [database, await connectAgain()].map((each) =>
      new SqlDeliveryStore(each, new ManualClock(NOON))
    );
    await stores[0]?.store(aDelivery({ id: "a" }));
    const tries = Array.from(
      { length: 10 },
      (_, index) => stores[index % 2]?.apply("a", changes({ runs: [aRun({ id: index + 1 })] })),
    );
    const events = (await Promise.all(tries)).flatMap((each) => each ?? []);
    assertEquals(events.length, 1);
    assertEquals(await stores[0]?.apply("a", changes({ runs: [aRun({ id: 99 })] })), []);
    assertEquals(await stores[0]?.apply("unknown", changes({ runs: [aRun({ id: 99 })] })), []);
    assertEquals((await new SqlRunStore(database, systemClock).latest("octo/a", 99)).length, 1);
  },
);

testOverDatabases("DeliveryStore.apply() deletes the payload", async ({ database }) => {
  const store = new SqlDeliveryStore(database, new ManualClock(NOON));
  await store.store(aDelivery({ id: "a" }));
  await store.apply("a", EMPTY_CHANGE_SET);
  const rows = await database.read((db) => db.selectFrom("deliveries").select("payload").execute());
  assertEquals(rows.map(({ payload }) => payload), [null]);
});
