import { assert, assertEquals } from "@std/assert";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { renderTable } from "../../src/cli/table_screen.ts";
import { aFullRun } from "../fakes/fixtures/full_run.ts";

const NOW = Date.parse("2026-01-01T00:05:00Z");

function render(runs: Parameters<typeof renderTable>[0], columns: number): string[] {
  return renderTable(runs, { now: NOW, columns }).map(stripVTControlCharacters);
}

Deno.test("renderTable() shows state, repository, workflow, title, branch, duration and age", () => {
  const runs = [
    aFullRun({ status: "in_progress", runNumber: 12 }),
    aFullRun({
      status: "completed",
      conclusion: "failure",
      branch: null,
      repositoryName: "octo/website",
      displayTitle: "Say hello",
      updatedAt: "2026-01-01T00:01:05Z",
    }),
  ];
  assertEquals(render(runs, 93), [
    "● in_progress  octo/a        CI #12  Fix the build                   main  5m 00s  5m 00s ago",
    "✗ failure      octo/website  CI #1   Say hello                       -     1m 05s  5m 00s ago",
  ]);
});

Deno.test("renderTable() shows a message without runs", () => {
  assertEquals(render([], 80), ["No runs yet"]);
});

Deno.test("renderTable() is never wider than the terminal for any title", () => {
  const titles = [
    "家".repeat(100),
    "👩‍👩‍👧".repeat(50),
    "x".repeat(500),
    "",
    "\x1b[2J\x1b]0;owned\x07",
  ];
  for (const columns of [20, 60, 80, 200]) {
    for (const displayTitle of titles) {
      const runs = [aFullRun({ displayTitle }), aFullRun({ displayTitle: "short" })];
      for (const line of render(runs, columns)) {
        assert(stringWidth(line) <= columns, `${columns} columns: ${JSON.stringify(line)}`);
        assert(!/\p{Cc}/u.test(line), JSON.stringify(line));
      }
    }
  }
});

Deno.test("renderTable() gives the remaining width to the title", () => {
  const run = aFullRun({ displayTitle: "A title of some length" });
  assert(render([run], 100)[0]?.includes("A title of some length"));
  assert(render([run], 60)[0]?.includes("A title of so…"));
});
