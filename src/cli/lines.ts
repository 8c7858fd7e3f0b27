import type { FullRun } from "../run/snapshot.ts";
import { writeAll } from "./print.ts";
import { printable, stateOf } from "./state.ts";
import type { Screen } from "./watch.ts";

/** For pipes and files: one line for each new state of a run on standard output; notices on standard error. */
export class LineScreen implements Screen {
  readonly #write: (line: string) => void;
  readonly #notice: (line: string) => void;
  #shown = new Map<number, string>();

  constructor(write = writeTo(Deno.stdout), notice = writeTo(Deno.stderr)) {
    this.#write = write;
    this.#notice = notice;
  }

  open(): void {}

  show(runs: readonly FullRun[]): void {
    const shown = new Map<number, string>();
    for (const run of runs.toReversed()) {
      const line = describeRun(run);
      shown.set(run.id, line);
      if (this.#shown.get(run.id) !== line) this.#write(line);
    }
    this.#shown = shown;
  }

  notice(text: string): void {
    this.#notice(`runwire: ${printable(text)}`);
  }

  close(): void {}
}

/** `TIME  STATE  REPOSITORY  WORKFLOW #NUMBER  BRANCH  TITLE  URL`, parted by tabs. */
function describeRun(run: FullRun): string {
  return [
    run.updatedAt,
    stateOf(run).word,
    run.repositoryName,
    `${run.workflowName} #${run.runNumber}`,
    run.branch ?? "-",
    run.displayTitle,
    run.htmlUrl,
  ].map(printable).join("\t");
}

function writeTo(stream: { writeSync(bytes: Uint8Array): number }): (line: string) => void {
  return (line) => writeAll(stream, `${line}\n`);
}
