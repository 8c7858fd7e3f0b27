import { CACHE, install, run } from "../npm.ts";
import { runwireCommand } from "../runwire_command.ts";

/** A server for deliveries. It prints `listening PORT` and ends with its standard input. */
export interface Contender {
  readonly name: string;
  /** `folder` is on a real disk. */
  readonly command: (folder: string) => readonly string[];
  /** The SQLite file with its deliveries. */
  readonly database?: string;
}

/** The server that ratios refer to. */
export const BASELINE = "@octokit/webhooks on Node";

const HERE = new URL("./", import.meta.url).pathname;
const PEER = "@octokit/webhooks@14.2.0";

/** Installs missing packages. */
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
