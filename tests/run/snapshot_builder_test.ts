import { assertEquals } from "@std/assert";
import { type Repository, toRepositoryEvent } from "../../src/repository/repository.ts";
import { SnapshotBuilder } from "../../src/run/snapshot_builder.ts";
import { aRun } from "../fakes/stores/github.ts";
import { MemoryRunStore } from "../fakes/stores/memory_stores.ts";

function repository(id: number, day: number | null): Repository {
  const pushedAt = day === null ? null : `2026-01-0${day}T00:00:00Z`;
  return { id, fullName: `octo/${"abcdef"[id]}`, pushedAt };
}

function toEventData(repository: Repository) {
  return toRepositoryEvent(repository).data;
}

async function setUp() {
  const store = new MemoryRunStore();
  await store.put([0, 1, 2, 3].map((id) => aRun({ id, repository: `octo/${"abcd"[id]}` })));
  const builder = new SnapshotBuilder({ size: { repositories: 3, runs: 2 }, store });
  builder.setRepositories([repository(2, 5), repository(1, 4), repository(0, 3)]);
  return builder;
}

Deno.test("SnapshotBuilder.build() returns the stored runs of its repositories", async () => {
  const builder = await setUp();
  const snapshot = await builder.build(7);
  assertEquals(snapshot.runs.map((run) => run.id), [2, 1, 0]);
  assertEquals(snapshot.takenAt, 7);
});

Deno.test("SnapshotBuilder.applyRepositoryEvent() moves a pushed repository to the front", async () => {
  const builder = await setUp();
  builder.applyRepositoryEvent(toEventData(repository(3, 6)));
  assertEquals(builder.repositoryNames, ["octo/d", "octo/c", "octo/b"]);
  builder.applyRepositoryEvent(toEventData(repository(1, 7)));
  assertEquals(builder.repositoryNames, ["octo/b", "octo/d", "octo/c"]);
});

Deno.test("SnapshotBuilder.applyRepositoryEvent() ignores an old push and a repository beyond the limit", async () => {
  const builder = await setUp();
  for (const each of [repository(2, 1), repository(3, 2), repository(4, null)]) {
    builder.applyRepositoryEvent(toEventData(each));
  }
  assertEquals(builder.repositoryNames, ["octo/c", "octo/b", "octo/a"]);
});

Deno.test("SnapshotBuilder.applyRepositoryEvent() renames and removes repositories", async () => {
  const builder = await setUp();
  builder.applyRepositoryEvent(toEventData({ ...repository(1, 4), fullName: "octo/renamed" }));
  builder.applyRepositoryEvent({ ...toEventData(repository(2, 5)), removed: true });
  assertEquals(builder.repositoryNames, ["octo/renamed", "octo/a"]);
});
