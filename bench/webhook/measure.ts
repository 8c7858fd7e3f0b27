import { ChildProcess } from "../child.ts";
import { CACHE } from "../npm.ts";
import { cpuMicroseconds } from "../proc_stats.ts";
import type { AcknowledgementResult } from "./acknowledge.ts";
import type { Contender } from "./contenders.ts";
import type { Latency } from "./latency.ts";
import { waitUntilApplied } from "./wait_until_applied.ts";

export const DELIVERIES = 5_000;
/** Sent before anything is measured, so that what is measured is compiled code. */
const WARM_UPS = 5_000;
const FILES = 4_096;
/** How soon clients hear: so many of them, of so many deliveries a second, for so long. */
export const CLIENTS = 1_000;
export const PER_SECOND = 100;
const SECONDS = 20;
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
const HERE = new URL("./", import.meta.url).pathname;

/** Times in milliseconds, but for the CPU's. */
export interface Measurement extends AcknowledgementResult {
  /** Microseconds of server CPU per delivery, its application included. */
  readonly cpu: number;
  /** From the last answer until everything was applied; `NaN` of a server that applies nothing. */
  readonly applyLag: number;
}

/** One server, started for this, that takes `DELIVERIES` deliveries over so many connections. */
export async function measure(contender: Contender, connections: number): Promise<Measurement> {
  await using folder = await temporaryFolder();
  await using server = ChildProcess.start(contender.command(folder.path), {
    files: FILES,
    core: SERVER_CORE,
  });
  const port = (await server.read(20_000)).replace("listening ", "");
  const file = contender.database && `${folder.path}/${contender.database}`;
  await using load = ChildProcess.start(
    loadCommand("acknowledge.ts", [
      port,
      connections,
      DELIVERIES,
      WARM_UPS,
    ]),
    { files: FILES, core: LOAD_CORE },
  );
  await load.read(60_000);
  if (file) await waitUntilApplied(file, WARM_UPS);

  const cpuBefore = cpuMicroseconds(server.pid);
  await load.write("go");
  const acknowledgement: AcknowledgementResult = JSON.parse(await load.read(60_000));
  const applyLag = file ? await waitUntilApplied(file, WARM_UPS + DELIVERIES) : NaN;
  const cpu = (cpuMicroseconds(server.pid) - cpuBefore) / DELIVERIES;
  return { ...acknowledgement, cpu, applyLag };
}

/** How soon clients of `path` hear of deliveries that one server takes, started for this. */
export async function measureLatency(contender: Contender, path: string): Promise<Latency> {
  await using folder = await temporaryFolder();
  await using server = ChildProcess.start(contender.command(folder.path), {
    files: FILES,
    core: SERVER_CORE,
  });
  const port = (await server.read(20_000)).replace("listening ", "");
  const command = loadCommand("latency.ts", [port, path, CLIENTS, PER_SECOND, SECONDS]);
  await using load = ChildProcess.start(command, { files: FILES, core: LOAD_CORE });
  // A server that cannot keep up is late by as much as it takes.
  return JSON.parse(await load.read(300_000));
}

/** A process that sends: one of the scripts beside this file. */
export function loadCommand(
  script: string,
  args: readonly (string | number)[],
): readonly string[] {
  return [Deno.execPath(), "run", "-A", `${HERE}${script}`, ...args.map(String)];
}

/** In the project's folder, as the system's folder for such files may be in memory. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ dir: CACHE });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
