import { Child } from "../child.ts";
import { cpuMicroseconds } from "../proc.ts";
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
  readonly atMost: Latency;
  /** Microseconds of server CPU for each frame that reached a client. */
  readonly cpuPerFrame: number;
  /** Of the instance that worked most: the cores that it used, */
  readonly busy: number;
  /** and the messages a second at which it would use a core of its own. */
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
  const before = servers.map(({ pid }) => cpuMicroseconds(pid));
  const atMost = await hear(load, AT_MOST);
  const used = servers.map(({ pid }, at) => cpuMicroseconds(pid) - (before[at] ?? 0));
  const most = Math.max(...used);
  return {
    latencies,
    perSecond: atMost.messages / atMost.tookMs * 1_000,
    atMost,
    cpuPerFrame: used.reduce((a, b) => a + b) / (atMost.messages * clients),
    busy: most / (atMost.tookMs * 1_000),
    perCore: atMost.messages / (most / 1_000_000),
    faults: atMost.faults,
  };
}

/** A pace that cannot be kept takes longer. */
async function hear(load: Child, phase: Phase): Promise<Heard> {
  await load.write(JSON.stringify(phase));
  return JSON.parse(await load.read(phase.seconds * 1_000 + 60_000));
}
