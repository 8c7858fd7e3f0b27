import { ChildProcess } from "../child.ts";
import { CACHE } from "../npm.ts";
import { cpuMicroseconds } from "../proc_stats.ts";
import type { AcknowledgementResult } from "./acknowledge.ts";
import type { Contender } from "./contenders.ts";
import type { Latency } from "./latency.ts";
import { waitUntilApplied } from "./wait_until_applied.ts";

export const DELIVERIES = 5_000;
/** Deliveries before the measurement, so that the code is compiled. */
const WARM_UPS = 5_000;
const FILES = 4_096;
/** Parameters of the latency measurement. */
export const CLIENTS = 1_000;
export const PER_SECOND = 100;
const SECONDS = 20;
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
const HERE = new URL("./", import.meta.url).pathname;

/** Times in milliseconds, CPU in microseconds. */
export interface Measurement extends AcknowledgementResult {
  /** Server CPU per delivery, including its application. */
  readonly cpu: number;
  /** From the last response until all deliveries were applied; `NaN` if the server applies none. */
  readonly applyLag: number;
}

/** Starts a server and sends it `DELIVERIES` deliveries over a number of connections. */
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

/** Starts a server and measures the latency of deliveries to clients of `path`. */
export async function measureLatency(contender: Contender, path: string): Promise<Latency> {
  await using folder = await temporaryFolder();
  await using server = ChildProcess.start(contender.command(folder.path), {
    files: FILES,
    core: SERVER_CORE,
  });
  const port = (await server.read(20_000)).replace("listening ", "");
  const command = loadCommand("latency.ts", [port, path, CLIENTS, PER_SECOND, SECONDS]);
  await using load = ChildProcess.start(command, { files: FILES, core: LOAD_CORE });
  // An overloaded server may need this long.
  return JSON.parse(await load.read(300_000));
}

/** The command of a load script in this folder. */
export function loadCommand(
  script: string,
  args: readonly (string | number)[],
): readonly string[] {
  return [Deno.execPath(), "run", "-A", `${HERE}${script}`, ...args.map(String)];
}

/** In the project folder, because the system's temporary folder may be in memory. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ dir: CACHE });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
