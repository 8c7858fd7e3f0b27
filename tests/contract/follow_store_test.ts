import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import {
  type Repository,
  toRepositoryEvent,
  type Workflow,
} from "../../src/repository/repository.ts";
import { SqlCatalog } from "../../src/sql/catalog.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlEventLog } from "../../src/sql/event_log.ts";
import { SqlFollowStore } from "../../src/sql/follow_store.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import { mergeRuns, SqlRunStore } from "../../src/sql/run/run.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aRun } from "../fakes/stores/github.ts";

const NOW = Date.parse("2026-01-02T00:00:00Z");
const never = new AbortController().signal;
const OCTO_A: Repository = {
  id: 1,
  fullName: "octo/a",
  pushedAt: "2026-01-01T00:00:00Z",
  isPrivate: true,
  defaultBranch: "trunk",
  htmlUrl: "https://github.com/octo/a",
};
const CI: Workflow = {
  id: 7,
  name: "CI",
  path: ".github/workflows/ci.yml",
  state: "active",
  htmlUrl: "https://github.com/octo/a/blob/trunk/.github/workflows/ci.yml",
};

function setUp(database: Database) {
  const clock = new ManualClock(NOW);
  return {
    clock,
    store: new SqlFollowStore(database, clock),
    catalog: new SqlCatalog(database),
    repositories: new SqlRepositoryStore(database, clock),
    runs: new SqlRunStore(database, clock),
    journal: new SqlEventLog(database, clock),
  };
}

function eventBodies(events: readonly StoredEvent[] | undefined): unknown[] | undefined {
  return events?.map(({ type, repository, data }) => ({ type, repository, data }));
}

testOverDatabases(
  "FollowStore.follow() stores a repository, its workflows and the event, once",
  async (
    { database },
  ) => {
    const { store, catalog, journal } = setUp(database);
    const events = await store.follow(OCTO_A, [CI]);
    assertEquals(eventBodies(events), [toRepositoryEvent(OCTO_A)]);
    assertEquals(await journal.readAfter(0, 9), events);
    assertEquals(await catalog.findRepository(1, "all"), {
      ...OCTO_A,
      isPrivate: true,
      defaultBranch: "trunk",
      htmlUrl: "https://github.com/octo/a",
      followedAt: NOW,
      polledAt: NOW,
      error: null,
      webhook: { state: "none", reason: "Not created yet" },
      backfill: null,
    });
    assertEquals(await catalog.findWorkflow(7, "all"), { ...CI, repository: "octo/a" });
    assertEquals(await store.follow(OCTO_A, [CI]), undefined);
    assertEquals(await journal.readAfter(0, 9), events);
  },
);

testOverDatabases(
  "FollowStore.follow() emits an event for a repository that was stored before",
  async (
    { database },
  ) => {
    const { store, repositories } = setUp(database);
    await repositories.upsert([OCTO_A]);
    assertEquals(eventBodies(await store.follow(OCTO_A, [])), [toRepositoryEvent(OCTO_A)]);
  },
);

testOverDatabases("FollowStore.follow() succeeds for one of two concurrent calls", async (
  { database, connectAgain },
) => {
  const stores = [setUp(database).store, setUp(await connectAgain()).store];
  const outcomes = await Promise.all(stores.map((store) => store.follow(OCTO_A, [CI])));
  assertEquals(outcomes.filter((events) => events !== undefined).length, 1);
});

testOverDatabases(
  "FollowStore.unfollow() keeps the history and returns the webhook to delete",
  async (
    { database },
  ) => {
    const { store, catalog, runs } = setUp(database);
    await runs.put([aRun()]);
    await store.follow(OCTO_A, [CI]);
    await store.saveWebhook(1, { state: "active", id: 99 });
    const hook = { repositoryId: 1, fullName: "octo/a" };
    assertEquals(await store.unfollow(1), { ...hook, followedAt: NOW, webhookId: 99 });
    assertEquals(await store.unfollow(1), undefined);
    assertEquals(await store.unfollow(2), undefined);
    assertEquals((await catalog.findRepository(1, "all"))?.followedAt, null);
    assertEquals((await runs.latest("octo/a", 9)).length, 1);
    const left = [{ ...hook, followedAt: null, webhookId: 99 }];
    assertEquals(await store.listPendingWebhooks({ includeFailed: false }), left);
    await store.saveWebhook(1, undefined);
    assertEquals(await store.listPendingWebhooks({ includeFailed: true }), []);
  },
);

testOverDatabases(
  "FollowStore.listPendingWebhooks() lists webhooks to create, and failed ones on a retry",
  async (
    { database },
  ) => {
    const { store } = setUp(database);
    for (const id of [1, 2, 3]) await store.follow({ ...OCTO_A, id, fullName: `octo/${id}` }, []);
    await store.saveWebhook(2, { state: "none", reason: "No" });
    await store.saveWebhook(3, { state: "active", id: 5 });
    const ids = async (includeFailed: boolean) =>
      (await store.listPendingWebhooks({ includeFailed })).map(({ repositoryId }) => repositoryId)
        .sort();
    assertEquals(await ids(false), [1]);
    assertEquals(await ids(true), [1, 2]);
  },
);

testOverDatabases(
  "FollowStore.listFollowed() leaves out a removed repository until it returns",
  async (
    { database },
  ) => {
    const { store, repositories, catalog } = setUp(database);
    await store.follow(OCTO_A, []);
    await store.follow({ ...OCTO_A, id: 2, fullName: "octo/b", pushedAt: null }, []);
    await store.recordPoll(2, { at: NOW + 5, error: "404" });
    const b = { id: 2, fullName: "octo/b", pushedAt: null, hasWebhook: false, error: "404" };
    const [, second] = await store.listFollowed();
    assertEquals(second, { ...b, polledAt: NOW + 5 });
    await repositories.markRemoved([1]);
    assertEquals((await store.listFollowed()).map(({ id }) => id), [2]);
    const removed = await catalog.findRepository(1, "all");
    assertEquals([removed?.followedAt, removed?.webhook], [null, null]);
    assertEquals(removed?.error, "Deleted on GitHub, or no longer accessible to the App");
    await repositories.upsert([{ ...OCTO_A, fullName: "octo/renamed" }]);
    assertEquals((await store.listFollowed()).map(({ fullName }) => fullName), [
      "octo/renamed",
      "octo/b",
    ]);
  },
);

testOverDatabases("FollowStore.recordPoll() does not follow a repository again", async (
  { database },
) => {
  const { store, catalog } = setUp(database);
  await store.follow(OCTO_A, []);
  await store.unfollow(1);
  await store.recordPoll(1, { at: NOW, error: "403" });
  const left = await catalog.findRepository(1, "all");
  assertEquals([left?.polledAt, left?.error], [null, null]);
});

testOverDatabases("FollowStore.purge() deletes all runs and workflows of one repository", async (
  { database },
) => {
  const { store, catalog, runs, journal } = setUp(database);
  await store.follow(OCTO_A, [CI]);
  const many = Array.from(
    { length: 1_001 },
    (_, index) => aRun({ id: index + 1, status: "completed", conclusion: "success" }),
  );
  await runs.put(many);
  await runs.put([aRun({ id: 5_000, repository: "octo/other", workflowId: 8 })]);
  const { last } = await journal.seqRange();
  assertEquals(await store.purge(1, never), 1_001);
  assertEquals(await runs.latest("octo/a", 9), []);
  assertEquals((await runs.latest("octo/other", 9)).length, 1);
  const { workflows } = await catalog.listWorkflows({ visibility: "all", page: 1, perPage: 9 });
  assertEquals(workflows.map(({ id }) => id), [8]);
  assertEquals((await journal.seqRange()).last, last);
  assertEquals(await store.purge(1, never), 0);
  assertEquals(await store.purge(99, never), 0);
});

testOverDatabases("FollowStore.purge() keeps a workflow whose run is being inserted", async (
  { database },
) => {
  const { store, catalog } = setUp(database);
  await store.follow(OCTO_A, [CI]);
  let purging: Promise<number> | undefined;
  await database.write(async (tx) => {
    await mergeRuns(tx, [aRun({ id: 1 })]);
    purging = store.purge(1, never);
    // The purge waits for this transaction, or finds the run.
    await Promise.race([purging, systemClock.sleep(200)]);
  });
  assertEquals(await purging, 0);
  assertEquals((await catalog.findWorkflow(7, "all"))?.id, 7);
}, { kinds: ["postgres"] });
