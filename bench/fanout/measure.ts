import { Child } from "../child.ts";
import type { Contender } from "./contenders.ts";
import { say } from "../output.ts";
import { percentile } from "../percentile.ts";
import { cpuMicroseconds, residentKib } from "../proc.ts";
import type { Tally } from "./tally.ts";

export const BROADCASTS = 40;
/** Sent before anything is measured, so that what is measured is compiled code. */
const WARM_UPS = 20;
const GAP_MS = 250;
const SETTLE_MS = 500;
/** Files that a server or the load opens besides its sockets. */
export const SPARE_FILES = 256;
const SERVER_CORE = 0;
const LOAD_CORE = 1;

export interface Measurement {
  /** Microseconds of server CPU per frame that reached a client. */
  readonly cpuPerFrame: number;
  /** Milliseconds from the first to the last client of a broadcast. */
  readonly spreadP50: number;
  readonly spreadP99: number;
  /** KiB of server memory per connection: as connected, and after the broadcasts. */
  readonly rssConnected: number;
  readonly rssAfter: number;
  /** Frames that never came, or damaged, or twice. */
  readonly lost: number;
}

/** One server, started for this, with `clients` WebSocket clients through all broadcasts. */
export async function measure(contender: Contender, clients: number): Promise<Measurement> {
  const files = clients + SPARE_FILES;
  await using server = Child.start(contender.command, { files, core: SERVER_CORE });
  const port = (await server.read(10_000)).replace("listening ", "");
  await pause(SETTLE_MS);
  const rssAlone = residentKib(server.pid);

  await using load = Child.start(loadCommand(port, clients), { files, core: LOAD_CORE });
  await load.read(60_000);
  await pause(SETTLE_MS);
  const rssConnected = residentKib(server.pid);

  await broadcast(server, WARM_UPS);
  const cpuBefore = cpuMicroseconds(server.pid);
  await broadcast(server, BROADCASTS);
  const tally: Tally = JSON.parse(await load.read(30_000));
  const cpu = cpuMicroseconds(server.pid) - cpuBefore;

  const wrong = Math.max(tally.lost, tally.damaged) + tally.repeated;
  if (wrong > 0) say(`${contender.name}: ${JSON.stringify({ ...tally, spreads: undefined })}`);
  return {
    cpuPerFrame: cpu / (clients * BROADCASTS - tally.lost),
    spreadP50: percentile(tally.spreads, 0.5),
    spreadP99: percentile(tally.spreads, 0.99),
    rssConnected: (rssConnected - rssAlone) / clients,
    rssAfter: (residentKib(server.pid) - rssAlone) / clients,
    lost: wrong,
  };
}

function loadCommand(port: string, clients: number): readonly string[] {
  const script = new URL("./clients.ts", import.meta.url).pathname;
  const counts = [clients, BROADCASTS + WARM_UPS, WARM_UPS].map(String);
  return [Deno.execPath(), "run", "-A", script, port, ...counts];
}

async function broadcast(server: Child, times: number): Promise<void> {
  for (let sent = 0; sent < times; sent++) {
    await server.write("broadcast");
    await pause(GAP_MS);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
