// `deno task bench:webhook [ROUNDS]`: acknowledgement rate of deliveries, compared with another receiver, and latency to the
// clients (bench/README.md).
import { processor } from "./proc_stats.ts";
import { markdownTable } from "./markdown.ts";
import { BASELINE, type Contender, prepare } from "./webhook/contenders.ts";
import { measureDisk } from "./webhook/disk.ts";
import type { Latency } from "./webhook/latency.ts";
import {
  CLIENTS,
  measure,
  measureLatency,
  type Measurement,
  PER_SECOND,
  temporaryFolder,
} from "./webhook/measure.ts";
import { print, printProgress } from "./console.ts";

const CONNECTIONS = [1, 16, 64];
const PATHS = ["/ws?topics=events", "/ws?topics=events&batch=true"];
const ROUNDS = Number(Deno.args[0] ?? 3);
if (!(ROUNDS >= 1)) {
  printProgress(`Invalid ROUNDS "${Deno.args[0]}": expected a number of at least 1`);
  Deno.exit(2);
}

const { contenders, versions } = await prepare();
const runwire = contenders.find(({ database }) => database !== undefined);
if (!runwire) throw new Error("expected Runwire among the servers");
const measurements = new Map<string, Measurement[]>();
const latencies = new Map<string, Latency[]>();
const disks: { perSecond: number; p50: number; p99: number }[] = [];

for (let round = 1; round <= ROUNDS; round++) {
  await using folder = await temporaryFolder();
  disks.push(measureDisk(folder.path));
  for (const connections of CONNECTIONS) {
    // Alternating order, because the speed of the machine drifts.
    for (const contender of round % 2 ? contenders : contenders.toReversed()) {
      printProgress(`round ${round} of ${ROUNDS}, ${connections} connections: ${contender.name}`);
      const key = measurementKey(contender, connections);
      measurements.set(key, [
        ...measurements.get(key) ?? [],
        await measure(contender, connections),
      ]);
    }
  }
  for (const path of round % 2 ? PATHS : PATHS.toReversed()) {
    printProgress(
      `round ${round} of ${ROUNDS}, ${PER_SECOND} deliveries per second: ${CLIENTS} clients of ${path}`,
    );
    latencies.set(path, [...latencies.get(path) ?? [], await measureLatency(runwire, path)]);
  }
}

print(`${processor()}\n${versions.join(", ")}\nMedian of ${ROUNDS} rounds (min–max)\n`);
print(markdownTable([
  ["server", "connections", "deliveries/s", "ratio", "p50, ms", "p99, ms", "CPU, µs", "failed"],
  ...CONNECTIONS.flatMap((connections) =>
    contenders.map((contender) => toRow(contender, connections))
  ),
]));
print(
  `\nThe disk alone: ${
    formatCell(disks.map((disk) => disk.perSecond), 0)
  } synced writes per second\n`,
);
print(markdownTable([
  [`${CLIENTS} clients of`, "to the last client: p50, ms", "p99, ms", "worst, ms", "lost"],
  ...PATHS.map((path) => toLatencyRow(path, latencies.get(path) ?? [])),
]));
const failures = sum([...measurements.values()].flat().map(({ failed }) => failed)) +
  sum([...latencies.values()].flat().map(countFaults));
Deno.exit(failures === 0 ? 0 : 1);

function toRow(contender: Contender, connections: number): string[] {
  const rounds = measurements.get(measurementKey(contender, connections)) ?? [];
  const peers = measurements.get(`${BASELINE} ${connections}`) ?? [];
  const ratios = rounds.map(({ perSecond }, round) => perSecond / (peers[round]?.perSecond ?? NaN));
  return [
    contender.name,
    `${connections}`,
    formatCell(rounds.map(({ perSecond }) => perSecond), 0),
    contender.name === BASELINE ? "" : `${median(ratios).toFixed(2)}×`,
    formatCell(rounds.map(({ p50 }) => p50), 2),
    formatCell(rounds.map(({ p99 }) => p99), 2),
    formatCell(rounds.map(({ cpu }) => cpu), 0),
    `${sum(rounds.map(({ failed }) => failed))}`,
  ];
}

function toLatencyRow(path: string, rounds: readonly Latency[]): string[] {
  return [
    path,
    formatCell(rounds.map(({ p50 }) => p50), 1),
    formatCell(rounds.map(({ p99 }) => p99), 1),
    formatCell(rounds.map(({ worst }) => worst), 1),
    `${sum(rounds.map(countFaults))}`,
  ];
}

/** Events that were lost or out of order, and failed deliveries. */
function countFaults({ lost, disordered, failed }: Latency): number {
  return lost + disordered + failed;
}

function measurementKey({ name }: Contender, connections: number): string {
  return `${name} ${connections}`;
}

function formatCell(values: readonly number[], digits: number): string {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
