import { assertEquals } from "@std/assert";
import type { Visibility } from "../../src/visibility.ts";
import { systemClock as clock } from "../../src/clock.ts";
import type { RepositoryQuery } from "../../src/repository/catalog.ts";
import { SqlCatalog } from "../../src/sql/catalog.ts";
import { SqlBackfillStore } from "../../src/sql/run/backfill.ts";
import { SqlFollowStore } from "../../src/sql/follow_store.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aRun } from "../fakes/stores/github.ts";

const PUSHED = ["2026-01-03T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", null];
const NAMES = ["octo/b", "Octo/c", "octo/a", "acme/z"];
const BY_PUSH = {
  visibility: "all",
  sort: "pushed",
  direction: "desc",
  page: 1,
  perPage: 30,
} as const satisfies RepositoryQuery;

testOverDatabases(
  "Catalog.listRepositories() sorts by push or case-insensitively by name, in pages",
  async (
    { database },
  ) => {
    const catalog = new SqlCatalog(database);
    await new SqlRepositoryStore(database, clock).upsert(
      NAMES.map((fullName, index) => ({
        id: index + 1,
        fullName,
        pushedAt: PUSHED[index] ?? null,
      })),
    );
    const ids = async (query: Partial<RepositoryQuery>) => {
      const { total, repositories } = await catalog.listRepositories({ ...BY_PUSH, ...query });
      return [total, ...repositories.map(({ id }) => id)];
    };
    assertEquals(await ids({}), [4, 1, 3, 2, 4]);
    assertEquals(await ids({ direction: "asc" }), [4, 4, 2, 3, 1]);
    assertEquals(await ids({ sort: "name", direction: "asc" }), [4, 4, 3, 1, 2]);
    assertEquals(await ids({ sort: "name" }), [4, 2, 1, 3, 4]);
    assertEquals(await ids({ page: 2, perPage: 3 }), [4, 4]);
    assertEquals(await ids({ page: 9 }), [4]);
  },
);

testOverDatabases(
  "Catalog.listRepositories() filters followed repositories",
  async (
    { database },
  ) => {
    const catalog = new SqlCatalog(database);
    const repositories = new SqlRepositoryStore(database, clock);
    const followStore = new SqlFollowStore(database, clock);
    const of = (id: number) => ({ id, fullName: `octo/${id}`, pushedAt: null });
    await repositories.upsert([of(1)]);
    await followStore.follow(of(2), []);
    await followStore.follow(of(3), []);
    await repositories.markRemoved([3]);
    const ids = async (followed: boolean | undefined) => {
      const query = { ...BY_PUSH, followed, direction: "asc" } as const;
      return (await catalog.listRepositories(query)).repositories.map(({ id }) => id);
    };
    assertEquals(await ids(true), [2]);
    assertEquals(await ids(false), [1, 3]);
    assertEquals(await ids(undefined), [1, 2, 3]);
  },
);

testOverDatabases("Catalog returns and counts only visible repositories and workflows", async (
  { database },
) => {
  const catalog = new SqlCatalog(database);
  const followStore = new SqlFollowStore(database, clock);
  const names = ["Octo/a", "octo/b", "octo/c", "acme/a"];
  for (const [at, fullName] of names.entries()) {
    const ci = { id: 10 + at, name: "CI", path: "ci.yml", state: "active", htmlUrl: "" };
    const repository = { id: at, fullName, pushedAt: null };
    if (at === 2) await new SqlRepositoryStore(database, clock).upsert([repository]);
    else await followStore.follow(repository, [ci]);
  }
  const listVisible = async (visibility: Visibility) => {
    const list = async (query: Partial<RepositoryQuery>) => {
      const pageQuery = {
        ...BY_PUSH,
        visibility,
        direction: "asc",
        perPage: 1,
        ...query,
      } as const;
      const { total, repositories } = await catalog.listRepositories(pageQuery);
      return [total, ...repositories.map(({ id }) => id)];
    };
    const workflows = async (repository?: string) => {
      const pageQuery = { visibility, repository, page: 1, perPage: 30 };
      const { total, workflows } = await catalog.listWorkflows(pageQuery);
      return [total, ...workflows.map(({ id }) => id)];
    };
    const ids = [0, 1, 2, 3];
    const repositories = await Promise.all(ids.map((id) => catalog.findRepository(id, visibility)));
    const each = await Promise.all(ids.map((id) => catalog.findWorkflow(10 + id, visibility)));
    return {
      lists: [await list({}), await list({ followed: true, page: 2 }), await list({ page: 9 })],
      named: await list({ sort: "name", perPage: 9 }),
      workflows: [await workflows(), await workflows("OCTO/A"), await workflows("octo/b")],
      repositories: repositories.map((one) => one?.fullName),
      each: each.map((one) => one?.id),
    };
  };
  assertEquals(await listVisible("all"), {
    lists: [[4, 0], [3, 1], [4]],
    named: [4, 3, 0, 1, 2],
    workflows: [[3, 13, 10, 11], [1, 10], [1, 11]],
    repositories: names,
    each: [10, 11, undefined, 13],
  });
  assertEquals(await listVisible(new Set(["octo/a", "octo/c", "octo/none"])), {
    lists: [[2, 0], [1], [2]],
    named: [2, 0, 2],
    workflows: [[1, 10], [1, 10], [0]],
    repositories: ["Octo/a", undefined, "octo/c", undefined],
    each: [10, undefined, undefined, undefined],
  });
  assertEquals(await listVisible(new Set()), {
    lists: [[0], [0], [0]],
    named: [0],
    workflows: [[0], [0], [0]],
    repositories: names.map(() => undefined),
    each: names.map(() => undefined),
  });
});

testOverDatabases(
  "Catalog.findRepository() includes the backfill progress",
  async ({ database }) => {
    const catalog = new SqlCatalog(database);
    await new SqlRepositoryStore(database, clock).upsert([
      { id: 1, fullName: "octo/a", pushedAt: null },
    ]);
    assertEquals((await catalog.findRepository(1, "all"))?.backfill, null);
    const now = Date.parse("2026-01-10T00:00:00Z");
    const since = Date.parse("2026-01-01T00:00:00Z");
    await new SqlBackfillStore(database, clock).start({
      repositoryId: 1,
      since,
      now,
      isBackground: true,
    });
    const backfill = (await catalog.findRepository(1, "all"))?.backfill;
    assertEquals([backfill?.state, backfill?.since, backfill?.runs], ["running", since, 0]);
    assertEquals(await catalog.findRepository(2, "all"), undefined);
  },
);

testOverDatabases(
  "Catalog.listWorkflows() sorts by repository and name, and filters case-insensitively",
  async (
    { database },
  ) => {
    const catalog = new SqlCatalog(database);
    const workflows = [
      [1, "octo/b", "Release"],
      [2, "octo/b", "ci"],
      [3, "Octo/a", "Lint"],
      [4, "octo/B", "Build"],
    ] as const;
    await new SqlRunStore(database, clock).put(
      workflows.map(([id, repository, workflowName]) =>
        aRun({ id, repository, workflowName, workflowId: id })
      ),
    );
    const ids = async (repository: string | undefined, page = 1, perPage = 30) => {
      const { total, workflows } = await catalog.listWorkflows({
        visibility: "all",
        repository,
        page,
        perPage,
      });
      return [total, ...workflows.map(({ id }) => id)];
    };
    assertEquals(await ids(undefined), [4, 3, 4, 2, 1]);
    assertEquals(await ids("OCTO/b"), [3, 4, 2, 1]);
    assertEquals(await ids("octo/b", 2, 2), [3, 1]);
    assertEquals(await ids("octo/none"), [0]);
    assertEquals(await catalog.findWorkflow(3, "all"), {
      id: 3,
      repository: "Octo/a",
      name: "Lint",
      path: null,
      state: null,
      htmlUrl: null,
    });
    assertEquals(await catalog.findWorkflow(99, "all"), undefined);
  },
);
