import { markdownTable } from "../markdown.ts";
import { percentile } from "../percentile.ts";
import { type Measurement, RATES, type Setup } from "./measure.ts";

/** All rounds of one setup. */
export interface Series extends Setup {
  readonly rounds: readonly Measurement[];
}

/** Latency to the last client, by message rate. */
export function latencyTable(all: readonly Series[]): string {
  const rates = RATES.flatMap(({ perSecond }) => [`${perSecond}/s: p50, ms`, "p99, ms"]);
  return markdownTable([
    ["server", "instances × clients", ...rates],
    ...all.map((series) => [
      ...nameCells(series),
      ...RATES.flatMap((_, at) => [
        formatCell(series, ({ latencies }) => latencies[at]?.p50, 0),
        formatCell(series, ({ latencies }) => latencies[at]?.p99, 0),
      ]),
    ]),
  ]);
}

/** Maximum throughput, and its CPU cost. */
export function rateTable(all: readonly Series[]): string {
  const rates = ["messages/s", "frames/s", "p99, ms"];
  const costs = [
    "CPU per frame, µs",
    "busiest instance: cores used",
    "cores waited for",
    "messages/s per core",
  ];
  const faults = ["lost", "repeated", "out of order"];
  return markdownTable([
    ["server", "instances × clients", ...rates, ...costs, ...faults],
    ...all.map((series) => [
      ...nameCells(series),
      formatCell(series, ({ perSecond }) => perSecond, 1),
      formatCell(series, ({ perSecond }) => perSecond * series.clients, 0),
      formatCell(series, ({ maxRateP99 }) => maxRateP99, 0),
      formatCell(series, ({ cpuPerFrame }) => cpuPerFrame, 1),
      formatCell(series, ({ coresUsed }) => coresUsed, 2),
      formatCell(series, ({ coresWaitedFor }) => coresWaitedFor, 2),
      formatCell(series, ({ perCore }) => perCore, 0),
      sumCell(series, ({ faults }) => faults.lost),
      sumCell(series, ({ faults }) => faults.repeated),
      sumCell(series, ({ faults }) => faults.disordered),
    ]),
  ]);
}

function nameCells({ contender, instances, clients }: Setup): readonly string[] {
  return [contender.name, `${instances} × ${clients / instances}`];
}

/** The median of the rounds, with minimum and maximum if there are several. */
function formatCell(
  { rounds }: Series,
  value: (measurement: Measurement) => number | undefined,
  digits: number,
): string {
  const values = rounds.map((round) => value(round) ?? NaN);
  const median = percentile(values, 0.5).toFixed(digits);
  if (rounds.length === 1) return median;
  return `${median} (${Math.min(...values).toFixed(digits)}–${
    Math.max(...values).toFixed(digits)
  })`;
}

function sumCell({ rounds }: Series, value: (measurement: Measurement) => number): string {
  return `${rounds.reduce((total, round) => total + value(round), 0)}`;
}
