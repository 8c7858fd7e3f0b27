import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Visibility } from "../../src/visibility.ts";
import { Snapshot } from "../../src/run/snapshot.ts";
import { aRun } from "../fakes/stores/github.ts";

Deno.test("Snapshot.encode() writes exactly nine fields in order", () => {
  const snapshot = new Snapshot([aRun({ id: 12 })], 0);
  assertEquals(
    snapshot.encode("compact", "all"),
    '{"runs":[{"repositoryName":"octo/a","id":12,"workflowName":"CI",' +
      '"displayTitle":"Fix the build","event":"push","status":"queued",' +
      '"createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z",' +
      '"htmlUrl":"https://github.com/octo/a/actions/runs/1"}]}',
  );
});

Deno.test("Snapshot.encode() adds six fields after the nine in the full view", () => {
  const run = aRun({ conclusion: "success", actor: null, branch: "main", runAttempt: 2 });
  const frame = JSON.parse(new Snapshot([run], 0).encode("full", "all"));
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
  const first = snapshot.encode("compact", "all");
  assertStrictEquals(snapshot.encode("compact", "all"), first);
  assertEquals(reads, 1);
});

Deno.test("Snapshot.encode() includes only visible runs, by the full repository name in any case", () => {
  const snapshot = new Snapshot([
    aRun({ id: 1, repository: "Octo/a" }),
    aRun({ id: 2, repository: "octo/b" }),
    aRun({ id: 3, repository: "octo/ab" }),
  ], 0);
  const ids = (visibility: Visibility) =>
    JSON.parse(snapshot.encode("full", visibility)).runs.map(({ id }: { id: number }) => id);
  assertEquals(ids("all"), [3, 2, 1]);
  assertEquals(ids(new Set(["octo/a"])), [1]);
  assertEquals(ids(new Set(["octo/b", "octo/ab"])), [3, 2]);
  assertEquals(ids(new Set(["octo", "a"])), []);
  assertEquals(ids(new Set()), []);
});

Deno.test("Snapshot.encode() encodes once for equal visibilities", () => {
  const run = aRun({ repository: "octo/a" });
  let reads = 0;
  const counted = {
    ...run,
    get displayTitle() {
      reads++;
      return run.displayTitle;
    },
  };
  const snapshot = new Snapshot([counted, aRun({ id: 2, repository: "octo/b" })], 0);
  const compact = (...names: string[]) => snapshot.encode("compact", new Set(names));
  for (let client = 0; client < 3; client++) compact("octo/a", `octo/c${client}`);
  assertEquals(reads, 1);
  snapshot.encode("compact", "all");
  for (let client = 0; client < 3; client++) compact("octo/a", "octo/b", `octo/c${client}`);
  assertEquals(reads, 2);
  assertEquals(compact("octo/c"), '{"runs":[]}');
});
