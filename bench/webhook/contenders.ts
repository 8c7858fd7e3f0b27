import { CACHE } from "../fanout/contenders.ts";

/** A server that takes deliveries. It prints `listening PORT` and ends with its standard input. */
export interface Contender {
  readonly name: string;
  /** Started with a folder of its own on a real disk. */
  readonly command: (folder: string) => readonly string[];
  /** The SQLite file in which it keeps deliveries. */
  readonly database?: string;
}

/** The one that all others are compared with. */
export const YARDSTICK = "@octokit/webhooks on Node";

const HERE = new URL("./", import.meta.url).pathname;
const PEER = "@octokit/webhooks@14.2.0";
/** Nobody listens there, and nobody is asked as long as no client is connected. */
const NO_GITHUB = "http://127.0.0.1:9";
const INSTALL_LIMIT_MS = 180_000;

/** Runwire's process. */
export function runwireCommand(file: string, github = NO_GITHUB): readonly string[] {
  return [Deno.execPath(), "run", "-A", `${HERE}runwire.ts`, file, github];
}

/** Installs what is missing. */
export async function prepare(): Promise<
  { readonly contenders: readonly Contender[]; readonly versions: readonly string[] }
> {
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.writeTextFile(`${CACHE}.gitignore`, "*\n");
  const flags = ["--save-exact", "--no-audit", "--no-fund"];
  await run("npm", "install", "--prefix", CACHE, ...flags, PEER);
  const node = await run("node", "--version");
  return {
    contenders: [
      {
        name: "Runwire",
        command: (folder) => runwireCommand(`${folder}/runwire.db`),
        database: "runwire.db",
      },
      { name: YARDSTICK, command: () => ["node", `${HERE}octokit.mjs`, CACHE] },
    ],
    versions: [`Deno ${Deno.version.deno}`, `${PEER} (node ${node})`],
  };
}

async function run(program: string, ...args: string[]): Promise<string> {
  const signal = AbortSignal.timeout(INSTALL_LIMIT_MS);
  const { success, stdout, stderr } = await new Deno.Command(program, { args, signal }).output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout).trim();
  const [line] = text.decode(stderr).trim().split("\n");
  throw new Error(`Cannot run \`${program} ${args.join(" ")}\`: ${line}`);
}
