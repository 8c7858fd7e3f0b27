import { ChildProcess } from "../child.ts";
import { cpuMicroseconds, waitMicroseconds } from "../proc_stats.ts";
import type { Contender } from "./contenders.ts";
import type { Phase, PhaseResult } from "./load.ts";
import { createSharedServices } from "./shared_services.ts";
import type { Faults } from "./message_counter.ts";

/** A number of instances of a server, with a total number of clients. */
export interface Setup {
  readonly contender: Contender;
  readonly instances: number;
  readonly clients: number;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** The result of one setup. Times in milliseconds, CPU times in microseconds. */
export interface Measurement {
  /** One for each rate of `RATES`. */
  readonly latencies: readonly Latency[];
  /** Maximum throughput in messages per second. */
  readonly perSecond: number;
  readonly maxRateP99: number;
  /** Microseconds of server CPU per delivered frame. */
  readonly cpuPerFrame: number;
  /** Cores used by the busiest instance. */
  readonly coresUsed: number;
  /** Cores the busiest instance waited for. */
  readonly coresWaitedFor: number;
  /** Messages per second at which the busiest instance would use one core. */
  readonly perCore: number;
  readonly faults: Faults;
}

export const RATES = [
  { perSecond: 5, seconds: 12 },
  { perSecond: 20, seconds: 8 },
  { perSecond: 50, seconds: 6 },
];
const WARM_UP: Phase = { maxInFlight: 16, seconds: 3 };
const MAX_RATE: Phase = { maxInFlight: 16, seconds: 8 };
/** Open files of a process besides its sockets. */
export const SPARE_FILES = 256;
const CORES = "0-1";
const LOAD = new URL("./load.ts", import.meta.url).pathname;

/** Starts all processes, then sends messages at each rate and at the maximum rate. */
export async function measure({ contender, instances, clients }: Setup): Promise<Measurement> {
  const limits = { files: clients + SPARE_FILES, core: CORES };
  await using services = await createSharedServices();
  await using stack = new AsyncDisposableStack();
  const servers: ChildProcess[] = [];
  const ports: string[] = [];
  for (let at = 0; at < instances; at++) {
    const server = stack.use(ChildProcess.start(contender.command(services), limits));
    servers.push(server);
    ports.push((await server.read(20_000)).replace("listening ", ""));
  }
  const command = [LOAD, contender.protocol, String(clients), ...ports];
  const load = stack.use(ChildProcess.start([Deno.execPath(), "run", "-A", ...command], limits));
  await load.read(60_000);

  await runPhase(load, WARM_UP);
  const latencies: Latency[] = [];
  for (const rate of RATES) latencies.push(await runPhase(load, rate));
  const before = servers.map(readCpuTimes);
  const maxRate = await runPhase(load, MAX_RATE);
  const work = servers.map((server, at) => {
    const { used, waited } = readCpuTimes(server);
    return { used: used - (before[at]?.used ?? 0), waited: waited - (before[at]?.waited ?? 0) };
  });
  const busiest = work.reduce((a, b) => a.used > b.used ? a : b);
  return {
    latencies,
    perSecond: maxRate.messages / maxRate.durationMs * 1_000,
    maxRateP99: maxRate.p99,
    cpuPerFrame: work.reduce((sum, { used }) => sum + used, 0) / (maxRate.messages * clients),
    coresUsed: busiest.used / (maxRate.durationMs * 1_000),
    coresWaitedFor: busiest.waited / (maxRate.durationMs * 1_000),
    perCore: maxRate.messages / (busiest.used / 1_000_000),
    faults: maxRate.faults,
  };
}

/** Total times in microseconds. */
function readCpuTimes({ pid }: ChildProcess): { readonly used: number; readonly waited: number } {
  return { used: cpuMicroseconds(pid), waited: waitMicroseconds(pid) };
}

/** A missed rate takes longer. */
async function runPhase(load: ChildProcess, phase: Phase): Promise<PhaseResult> {
  await load.write(JSON.stringify(phase));
  return JSON.parse(await load.read(phase.seconds * 1_000 + 60_000));
}
