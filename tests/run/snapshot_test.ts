import { assertEquals, assertStrictEquals } from "@std/assert";
import { Snapshot } from "../../src/run/snapshot.ts";
import { aRun } from "../fakes/github.ts";

Deno.test("Snapshot.encode() writes exactly the nine fields in their order", () => {
  const snapshot = new Snapshot([aRun({ id: 12 })], 0);
  assertEquals(
    snapshot.encode("compact"),
    '{"runs":[{"repositoryName":"octo/a","id":12,"workflowName":"CI",' +
      '"displayTitle":"Fix the build","event":"push","status":"queued",' +
      '"createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z",' +
      '"htmlUrl":"https://github.com/octo/a/actions/runs/1"}]}',
  );
});

Deno.test("Snapshot.encode() adds six fields after the nine in the full view", () => {
  const run = aRun({ conclusion: "success", actor: null, branch: "main", runAttempt: 2 });
  const frame = JSON.parse(new Snapshot([run], 0).encode("full"));
  assertEquals(Object.entries(frame.runs[0]).slice(9), [
    ["conclusion", "success"],
    ["branch", "main"],
    ["actor", null],
    ["runNumber", 1],
    ["runAttempt", 2],
    ["startedAt", "2026-01-01T00:00:00Z"],
  ]);
});

Deno.test("Snapshot sorts newest first, and by the higher id on a tie", () => {
  const at = (id: number, createdAt: string) => aRun({ id, createdAt });
  const snapshot = new Snapshot([
    at(1, "2026-01-01T00:00:00Z"),
    at(3, "2026-01-01T00:00:01Z"),
    at(4, "2026-01-01T01:00:01+01:00"),
    at(2, "2026-01-01T00:00:02Z"),
  ], 0);
  assertEquals(snapshot.runs.map((run) => run.id), [2, 4, 3, 1]);
});

Deno.test("Snapshot.encode() encodes a view once", () => {
  const run = aRun();
  let reads = 0;
  const counted = {
    ...run,
    get displayTitle() {
      reads++;
      return run.displayTitle;
    },
  };
  const snapshot = new Snapshot([counted], 0);
  const first = snapshot.encode("compact");
  assertStrictEquals(snapshot.encode("compact"), first);
  assertEquals(reads, 1);
});
