import { CACHE, install, run } from "../npm.ts";
import { runwireCommand } from "../runwire_command.ts";
import type { SharedServices } from "./shared_services.ts";

/** A server whose instances forward messages to each other. */
export interface Contender {
  readonly name: string;
  /** A key of `PROTOCOLS`. */
  readonly protocol: string;
  /** Command of an instance; it prints `listening PORT` and ends with its standard input. */
  readonly command: (services: SharedServices) => readonly string[];
  /** Whether all clients must receive messages in the same order. */
  readonly isOrdered: boolean;
}

const PEER = "socket.io with its Redis adapter";
const PACKAGES = ["socket.io@4.8.4", "@socket.io/redis-adapter@8.3.0", "redis@6.3.1"];
const SCRIPT = new URL("./socketio.mjs", import.meta.url).pathname;

const RUNWIRE: Contender = {
  name: "Runwire",
  protocol: "runwire",
  command: ({ databaseUrl, redisUrl }) =>
    runwireCommand({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl }),
  isOrdered: true,
};

/** Installs missing packages; `skipped` is the reason why the peer is not measured. */
export async function prepare(): Promise<{
  readonly contenders: readonly Contender[];
  readonly versions: readonly string[];
  readonly skipped?: string;
}> {
  const versions = [`Deno ${Deno.version.deno}`];
  try {
    await install(...PACKAGES);
    const node = await run("node", "--version");
    const key = `runwire-bench-${crypto.randomUUID()}`;
    const peer: Contender = {
      name: PEER,
      protocol: "socket.io",
      command: ({ redisUrl }) => ["node", SCRIPT, CACHE, redisUrl, key],
      isOrdered: false,
    };
    return {
      contenders: [RUNWIRE, peer],
      versions: [...versions, `${PACKAGES.join(", ")} (node ${node})`],
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    return { contenders: [RUNWIRE], versions, skipped: `${PEER} is skipped: ${reason}` };
  }
}
