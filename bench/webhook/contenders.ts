import { CACHE, install, run } from "../npm.ts";
import { runwireCommand } from "../runwire_command.ts";

/** A server that takes deliveries. It prints `listening PORT` and ends with its standard input. */
export interface Contender {
  readonly name: string;
  /** Started with a folder of its own on a real disk. */
  readonly command: (folder: string) => readonly string[];
  /** The SQLite file in which it keeps deliveries. */
  readonly database?: string;
}

/** The one that all others are compared with. */
export const BASELINE = "@octokit/webhooks on Node";

const HERE = new URL("./", import.meta.url).pathname;
const PEER = "@octokit/webhooks@14.2.0";
/** Installs what is missing. */
export async function prepare(): Promise<
  { readonly contenders: readonly Contender[]; readonly versions: readonly string[] }
> {
  await install(PEER);
  const node = await run("node", "--version");
  return {
    contenders: [
      {
        name: "Runwire",
        command: (folder) => runwireCommand({ DATABASE_URL: `sqlite:${folder}/runwire.db` }),
        database: "runwire.db",
      },
      { name: BASELINE, command: () => ["node", `${HERE}octokit.mjs`, CACHE] },
    ],
    versions: [`Deno ${Deno.version.deno}`, `${PEER} (node ${node})`],
  };
}
