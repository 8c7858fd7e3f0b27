import { Child } from "../child.ts";
import { cpuMicroseconds, waitMicroseconds } from "../proc.ts";
import type { Contender } from "./contenders.ts";
import type { Heard, Phase } from "./load.ts";
import { newPlace } from "./place.ts";
import type { Faults } from "./tally.ts";

/** So many instances of a server, with so many clients in all. */
export interface Setup {
  readonly contender: Contender;
  readonly instances: number;
  readonly clients: number;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** What was seen of one setup. Times in milliseconds, but for the CPU's. */
export interface Measurement {
  /** By pace. */
  readonly latencies: readonly Latency[];
  /** When messages are sent as fast as they reach everybody. */
  readonly perSecond: number;
  readonly atMostP99: number;
  /** Microseconds of server CPU for each frame that reached a client. */
  readonly cpuPerFrame: number;
  /** Of the instance that worked most: how many cores it used, */
  readonly used: number;
  /** for how many it waited, as others had them, */
  readonly waited: number;
  /** and the messages a second that would take a whole one. */
  readonly perCore: number;
  readonly faults: Faults;
}

/** Messages a second, and for how many seconds. */
export const PACES = [
  { perSecond: 5, seconds: 12 },
  { perSecond: 20, seconds: 8 },
  { perSecond: 50, seconds: 6 },
];
const WARM_UP: Phase = { underWay: 16, seconds: 3 };
const AT_MOST: Phase = { underWay: 16, seconds: 8 };
/** Files that a process opens besides its sockets. */
export const SPARE_FILES = 256;
const CORES = "0-1";
const LOAD = new URL("./load.ts", import.meta.url).pathname;

/** Starts everything anew, and sends messages at each pace, then as fast as it goes. */
export async function measure({ contender, instances, clients }: Setup): Promise<Measurement> {
  const limits = { files: clients + SPARE_FILES, core: CORES };
  await using place = await newPlace();
  await using stack = new AsyncDisposableStack();
  const servers: Child[] = [];
  const ports: string[] = [];
  for (let at = 0; at < instances; at++) {
    const server = stack.use(Child.start(contender.command(place), limits));
    servers.push(server);
    ports.push((await server.read(20_000)).replace("listening ", ""));
  }
  const command = [LOAD, contender.protocol, String(clients), ...ports];
  const load = stack.use(Child.start([Deno.execPath(), "run", "-A", ...command], limits));
  await load.read(60_000);

  await hear(load, WARM_UP);
  const latencies: Latency[] = [];
  for (const pace of PACES) latencies.push(await hear(load, pace));
  const before = servers.map(worked);
  const atMost = await hear(load, AT_MOST);
  const work = servers.map((server, at) => {
    const { used, waited } = worked(server);
    return { used: used - (before[at]?.used ?? 0), waited: waited - (before[at]?.waited ?? 0) };
  });
  const most = work.reduce((a, b) => a.used > b.used ? a : b);
  return {
    latencies,
    perSecond: atMost.messages / atMost.tookMs * 1_000,
    atMostP99: atMost.p99,
    cpuPerFrame: work.reduce((sum, { used }) => sum + used, 0) / (atMost.messages * clients),
    used: most.used / (atMost.tookMs * 1_000),
    waited: most.waited / (atMost.tookMs * 1_000),
    perCore: atMost.messages / (most.used / 1_000_000),
    faults: atMost.faults,
  };
}

/** In microseconds, so far. */
function worked({ pid }: Child): { readonly used: number; readonly waited: number } {
  return { used: cpuMicroseconds(pid), waited: waitMicroseconds(pid) };
}

/** A pace that cannot be kept takes longer. */
async function hear(load: Child, phase: Phase): Promise<Heard> {
  await load.write(JSON.stringify(phase));
  return JSON.parse(await load.read(phase.seconds * 1_000 + 60_000));
}
