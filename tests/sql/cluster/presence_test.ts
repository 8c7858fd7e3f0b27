import { assertEquals } from "@std/assert";
import { SqlSharedSnapshotStore } from "../../../src/sql/cluster/shared_snapshot.ts";
import { SqlPresenceStore } from "../../../src/sql/cluster/presence.ts";
import { openTestDatabase } from "../../fakes/database.ts";
import { isPostgresAvailable } from "../../fakes/postgres.ts";
import { waitUntil } from "../../fakes/wait.ts";

const ignore = !await isPostgresAvailable();

Deno.test({
  name: "SqlPresenceStore reports other instances until they are removed or expire",
  ignore,
  async fn() {
    await using opened = await openTestDatabase("postgres");
    const presences = new SqlPresenceStore(opened.database);
    assertEquals(await presences.isActiveElsewhere("a"), false);
    await presences.renew("b", { ttlMs: 60_000 });
    assertEquals([await presences.isActiveElsewhere("a"), await presences.isActiveElsewhere("b")], [
      true,
      false,
    ]);
    await presences.renew("b", { ttlMs: 200 });
    await waitUntil(
      async () => !await presences.isActiveElsewhere("a"),
      "B has said nothing for too long",
    );
    await presences.renew("b", { ttlMs: 60_000 });
    await presences.remove("b");
    assertEquals(await presences.isActiveElsewhere("a"), false);
  },
});

Deno.test({
  name: "SqlSharedSnapshotStore returns the last snapshot and its age",
  ignore,
  async fn() {
    await using opened = await openTestDatabase("postgres");
    const sharedSnapshots = new SqlSharedSnapshotStore(opened.database);
    assertEquals(await sharedSnapshots.load(), undefined);
    await sharedSnapshots.save([]);
    const first = await sharedSnapshots.load();
    const repositories = [{ id: 1, fullName: "octo/a", pushedAt: "2026-01-01T00:00:00Z" }];
    await waitUntil(async () => {
      await sharedSnapshots.save(repositories);
      return (await sharedSnapshots.load())?.version !== first?.version;
    }, "it has another version");
    const last = await sharedSnapshots.load();
    assertEquals(last?.repositories, repositories);
    assertEquals((last?.ageMs ?? NaN) >= 0 && (last?.ageMs ?? NaN) < 10_000, true);
  },
});
