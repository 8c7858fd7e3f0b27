import { assertEquals } from "@std/assert";
import { LineScreen } from "../../src/cli/line_screen.ts";
import { aFullRun } from "../fakes/fixtures/full_run.ts";

Deno.test("LineScreen writes one line per state change, oldest run first", () => {
  const lines: string[] = [];
  const screen = new LineScreen((line) => lines.push(line), () => {});
  const older = aFullRun({ id: 1, displayTitle: "Older" });
  const newer = aFullRun({ id: 2, displayTitle: "Newer\tand odd" });
  screen.show([newer, older]);
  screen.show([newer, older]);
  screen.show([{ ...newer, status: "completed", conclusion: "success" }, older]);
  const columns = "octo/a\tCI #1\tmain";
  const url = "https://github.com/octo/a/actions/runs/1";
  assertEquals(lines, [
    `2026-01-01T00:00:00Z\tqueued\t${columns}\tOlder\t${url}`,
    `2026-01-01T00:00:00Z\tqueued\t${columns}\tNewer and odd\t${url}`,
    `2026-01-01T00:00:00Z\tsuccess\t${columns}\tNewer and odd\t${url}`,
  ]);
});

Deno.test("LineScreen writes the connection status separately from runs", () => {
  const statuses: string[] = [];
  const screen = new LineScreen(() => {}, (line) => statuses.push(line));
  screen.showStatus("Connected\x1b[2J");
  assertEquals(statuses, ["runwire: Connected [2J"]);
});
