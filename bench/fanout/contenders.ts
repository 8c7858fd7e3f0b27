import { CACHE, install, run } from "../npm.ts";

export interface Contender {
  readonly name: string;
  /** Prints `listening PORT`, broadcasts a snapshot for every input line `broadcast`, and ends with its standard input. */
  readonly command: readonly string[];
}

/** The server that ratios refer to. */
export const BASELINE = "Deno, bare loop";

const HERE = new URL("./", import.meta.url).pathname;
const DENO = [Deno.execPath(), "run", "-A"];
const BUN = `${CACHE}node_modules/.bin/bun`;

/** npm packages at exact versions; `program --version` checks whether they can run. */
const PEERS = [
  { name: "npm ws on Node", needs: "ws@8.23.0", program: "node", script: "ws.mjs" },
  { name: "Bun publish", needs: "bun@1.4.5", program: BUN, script: "bun.mjs" },
];

const DENO_CONTENDERS: readonly Contender[] = [
  { name: "Runwire", command: [...DENO, `${HERE}runwire.ts`] },
  { name: BASELINE, command: [...DENO, `${HERE}deno.ts`] },
];

/** Installs missing packages; `skipped` has the reason for each peer that is not measured. */
export async function prepare(): Promise<
  { contenders: readonly Contender[]; versions: string[]; skipped: string[] }
> {
  const contenders = [...DENO_CONTENDERS];
  const versions = [`Deno ${Deno.version.deno}`];
  const skipped: string[] = [];
  for (const { name, needs, program, script } of PEERS) {
    try {
      await install(needs);
      const version = await run(program, "--version");
      versions.push(`${needs.replace("@", " ")} (${program.split("/").pop()} ${version})`);
      contenders.push({ name, command: [program, `${HERE}${script}`] });
    } catch (error) {
      skipped.push(`${name} is skipped: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { contenders, versions, skipped };
}
