import type { FullRun } from "../run/snapshot.ts";
import { sanitize, toDisplayState } from "./format.ts";
import { writeAll } from "./print.ts";
import type { Screen } from "./screen.ts";

/** For pipes and files: one line per state change on standard output; connection status on standard error. */
export class LineScreen implements Screen {
  readonly #write: (line: string) => void;
  readonly #writeStatus: (line: string) => void;
  #printed = new Map<number, string>();

  constructor(write = lineWriter(Deno.stdout), writeStatus = lineWriter(Deno.stderr)) {
    this.#write = write;
    this.#writeStatus = writeStatus;
  }

  open(): void {}

  show(runs: readonly FullRun[]): void {
    const printed = new Map<number, string>();
    for (const run of runs.toReversed()) {
      const line = formatRun(run);
      printed.set(run.id, line);
      if (this.#printed.get(run.id) !== line) this.#write(line);
    }
    this.#printed = printed;
  }

  showStatus(text: string): void {
    this.#writeStatus(`runwire: ${sanitize(text)}`);
  }

  close(): void {}
}

/** `TIME  STATE  REPOSITORY  WORKFLOW #NUMBER  BRANCH  TITLE  URL`, tab-separated. */
function formatRun(run: FullRun): string {
  return [
    run.updatedAt,
    toDisplayState(run).word,
    run.repositoryName,
    `${run.workflowName} #${run.runNumber}`,
    run.branch ?? "-",
    run.displayTitle,
    run.htmlUrl,
  ].map(sanitize).join("\t");
}

function lineWriter(stream: { writeSync(bytes: Uint8Array): number }): (line: string) => void {
  return (line) => writeAll(stream, `${line}\n`);
}
