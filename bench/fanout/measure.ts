import { ChildProcess } from "../child.ts";
import type { Contender } from "./contenders.ts";
import { printProgress } from "../console.ts";
import { percentile } from "../percentile.ts";
import { cpuMicroseconds, residentKib } from "../proc_stats.ts";
import type { FrameCounts } from "./frame_counter.ts";

export const BROADCASTS = 40;
/** Broadcasts before the measurement, so that the code is compiled. */
const WARM_UPS = 20;
const GAP_MS = 250;
const SETTLE_MS = 500;
/** Open files of a process besides its sockets. */
export const SPARE_FILES = 256;
const SERVER_CORE = 0;
const LOAD_CORE = 1;

export interface Measurement {
  /** Microseconds of server CPU per delivered frame. */
  readonly cpuPerFrame: number;
  /** Milliseconds from the first to the last client of a broadcast. */
  readonly spreadP50: number;
  readonly spreadP99: number;
  /** KiB of server memory per connection, before and after the broadcasts. */
  readonly rssConnected: number;
  readonly rssAfter: number;
  /** Frames that were lost, damaged or repeated. */
  readonly lost: number;
}

/** Starts a server and measures all broadcasts to `clients` WebSocket clients. */
export async function measure(contender: Contender, clients: number): Promise<Measurement> {
  const files = clients + SPARE_FILES;
  await using server = ChildProcess.start(contender.command, { files, core: SERVER_CORE });
  const port = (await server.read(10_000)).replace("listening ", "");
  await sleep(SETTLE_MS);
  const rssIdle = residentKib(server.pid);

  await using load = ChildProcess.start(loadCommand(port, clients), { files, core: LOAD_CORE });
  await load.read(60_000);
  await sleep(SETTLE_MS);
  const rssConnected = residentKib(server.pid);

  await broadcast(server, WARM_UPS);
  const cpuBefore = cpuMicroseconds(server.pid);
  await broadcast(server, BROADCASTS);
  const counts: FrameCounts = JSON.parse(await load.read(30_000));
  const cpu = cpuMicroseconds(server.pid) - cpuBefore;

  const failures = Math.max(counts.lost, counts.damaged) + counts.repeated;
  if (failures > 0) {
    printProgress(`${contender.name}: ${JSON.stringify({ ...counts, spreads: undefined })}`);
  }
  return {
    cpuPerFrame: cpu / (clients * BROADCASTS - counts.lost),
    spreadP50: percentile(counts.spreads, 0.5),
    spreadP99: percentile(counts.spreads, 0.99),
    rssConnected: (rssConnected - rssIdle) / clients,
    rssAfter: (residentKib(server.pid) - rssIdle) / clients,
    lost: failures,
  };
}

function loadCommand(port: string, clients: number): readonly string[] {
  const script = new URL("./clients.ts", import.meta.url).pathname;
  const counts = [clients, BROADCASTS + WARM_UPS, WARM_UPS].map(String);
  return [Deno.execPath(), "run", "-A", script, port, ...counts];
}

async function broadcast(server: ChildProcess, times: number): Promise<void> {
  for (let sent = 0; sent < times; sent++) {
    await server.write("broadcast");
    await sleep(GAP_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
