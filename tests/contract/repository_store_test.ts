import { assertEquals } from "@std/assert";
import { systemClock as clock } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { type Repository, toRepositoryEvent } from "../../src/repository/repository.ts";
import { SqlEventLog } from "../../src/sql/event_log.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aRun } from "../fakes/stores/github.ts";

function aRepository(fields: Partial<Repository> = {}): Repository {
  return { id: 1, fullName: "octo/a", pushedAt: "2026-01-01T00:00:00Z", ...fields };
}

function eventBodies(events: readonly StoredEvent[]): unknown[] {
  return events.map(({ type, repository, data }) => ({ type, repository, data }));
}

testOverDatabases(
  "RepositoryStore.upsert() emits one event for a new repository and for a push",
  async (
    { database },
  ) => {
    const store = new SqlRepositoryStore(database, clock);
    const first = aRepository();
    const pushed = aRepository({ pushedAt: "2026-01-01T01:00:01+01:00" });
    assertEquals(eventBodies(await store.upsert([first])), [toRepositoryEvent(first)]);
    assertEquals(await store.upsert([first]), []);
    assertEquals(eventBodies(await store.upsert([pushed])), [toRepositoryEvent(pushed)]);
    assertEquals(await store.listRecentlyPushed(9), [pushed]);
    assertEquals(await store.upsert([]), []);
  },
);

testOverDatabases("RepositoryStore.upsert() never sets an earlier push", async ({ database }) => {
  const store = new SqlRepositoryStore(database, clock);
  const pushed = aRepository({ pushedAt: "2026-01-01T00:00:01Z" });
  await store.upsert([pushed]);
  assertEquals(await store.upsert([aRepository({ pushedAt: "2026-01-01T01:00:00+01:00" })]), []);
  assertEquals(await store.upsert([aRepository({ pushedAt: null })]), []);
  assertEquals(await store.listRecentlyPushed(9), [pushed]);
});

testOverDatabases("RepositoryStore.markRemoved() emits one event", async (
  { database },
) => {
  const store = new SqlRepositoryStore(database, clock);
  await store.upsert([aRepository(), aRepository({ id: 2, fullName: "octo/b" })]);
  const events = await store.markRemoved([1, 99]);
  assertEquals(eventBodies(events), [toRepositoryEvent(aRepository(), { removed: true })]);
  assertEquals(await store.markRemoved([1]), []);
  assertEquals((await store.listRecentlyPushed(9)).map(({ id }) => id), [2]);
});

testOverDatabases("RepositoryStore.upsert() restores a removed repository", async (
  { database },
) => {
  const store = new SqlRepositoryStore(database, clock);
  await store.upsert([aRepository()]);
  await store.markRemoved([1]);
  assertEquals(eventBodies(await store.upsert([aRepository()])), [
    toRepositoryEvent(aRepository()),
  ]);
  assertEquals(await store.listRecentlyPushed(9), [aRepository()]);
});

testOverDatabases("RepositoryStore.upsert() moves the history of a renamed repository", async (
  { database },
) => {
  const store = new SqlRepositoryStore(database, clock);
  const runs = new SqlRunStore(database, clock);
  const renamed = aRepository({ fullName: "octo/renamed" });
  await store.upsert([aRepository()]);
  await runs.put([aRun({ repository: "octo/a" }), aRun({ id: 2, repository: "octo/other" })]);
  assertEquals(eventBodies(await store.upsert([renamed])), [toRepositoryEvent(renamed)]);
  assertEquals((await runs.latest("octo/renamed", 9)).map(({ id }) => id), [1]);
  assertEquals(await runs.latest("octo/a", 9), []);
  assertEquals((await runs.latest("octo/other", 9)).length, 1);
});

testOverDatabases(
  "RepositoryStore.listRecentlyPushed() sorts by the time of the push, with never-pushed ones last",
  async (
    { database },
  ) => {
    const store = new SqlRepositoryStore(database, clock);
    const pushed = (id: number, pushedAt: string | null) =>
      aRepository({ id, fullName: `octo/${id}`, pushedAt });
    await store.upsert([
      pushed(1, null),
      pushed(2, "2026-01-01T12:00:00+02:00"),
      pushed(3, "2026-01-01T11:00:00Z"),
      pushed(4, "2026-01-01T09:00:00-03:00"),
    ]);
    assertEquals((await store.listRecentlyPushed(9)).map(({ id }) => id), [4, 3, 2, 1]);
    assertEquals((await store.listRecentlyPushed(2)).map(({ id }) => id), [4, 3]);
  },
);

testOverDatabases("RepositoryStore.upsert() on two instances at once emits one event", async (
  { database, connectAgain },
) => {
  const stores = [
    new SqlRepositoryStore(database, clock),
    new SqlRepositoryStore(await connectAgain(), clock),
  ];
  const puts = Array.from({ length: 10 }, (_, index) => stores[index % 2]?.upsert([aRepository()]));
  const events = (await Promise.all(puts)).flatMap((each) => each ?? []);
  assertEquals(events.length, 1);
  assertEquals(await new SqlEventLog(database, clock).readAfter(0, 9), events);
});
