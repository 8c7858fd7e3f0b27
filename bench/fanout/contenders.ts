import { CACHE, install, run } from "../npm.ts";

/** A server that takes part. */
export interface Contender {
  readonly name: string;
  /** Prints `listening PORT`, sends a snapshot for every line `broadcast`, ends with its standard input. */
  readonly command: readonly string[];
}

/** The one that all others are compared with. */
export const BASELINE = "Deno, bare loop";

const HERE = new URL("./", import.meta.url).pathname;
const DENO = [Deno.execPath(), "run", "-A"];
const BUN = `${CACHE}node_modules/.bin/bun`;

/** From npm, at exact versions; `program --version` tells whether it can run. */
const PEERS = [
  { name: "npm ws on Node", needs: "ws@8.23.0", program: "node", script: "ws.mjs" },
  { name: "Bun publish", needs: "bun@1.4.5", program: BUN, script: "bun.mjs" },
];

const DENO_CONTENDERS: readonly Contender[] = [
  { name: "Runwire", command: [...DENO, `${HERE}runwire.ts`] },
  { name: BASELINE, command: [...DENO, `${HERE}deno.ts`] },
];

/** Installs what is missing; `absent` says in a sentence each why a peer cannot take part. */
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
      skipped.push(`${name} is left out: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { contenders, versions, skipped };
}
