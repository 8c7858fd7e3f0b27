import { markdown } from "../markdown.ts";
import { percentile } from "../percentile.ts";
import { type Measurement, PACES, type Setup } from "./measure.ts";

/** All rounds of one setup. */
export interface Series extends Setup {
  readonly rounds: readonly Measurement[];
}

/** How soon the last client has a message, by the pace at which they come. */
export function latencyTable(all: readonly Series[]): string {
  const paces = PACES.flatMap(({ perSecond }) => [`${perSecond}/s: p50, ms`, "p99, ms"]);
  return markdown([
    ["server", "instances × clients", ...paces],
    ...all.map((series) => [
      ...nameOf(series),
      ...PACES.flatMap((_, at) => [
        cell(series, ({ latencies }) => latencies[at]?.p50, 0),
        cell(series, ({ latencies }) => latencies[at]?.p99, 0),
      ]),
    ]),
  ]);
}

/** How many messages a second reach everybody, and what they take. */
export function rateTable(all: readonly Series[]): string {
  const rates = ["messages/s", "frames/s", "p99, ms"];
  const costs = ["CPU per frame, µs", "cores each: used", "waited for", "a whole one: messages/s"];
  const faults = ["lost", "repeated", "out of order"];
  return markdown([
    ["server", "instances × clients", ...rates, ...costs, ...faults],
    ...all.map((series) => [
      ...nameOf(series),
      cell(series, ({ perSecond }) => perSecond, 1),
      cell(series, ({ perSecond }) => perSecond * series.clients, 0),
      cell(series, ({ atMostP99 }) => atMostP99, 0),
      cell(series, ({ cpuPerFrame }) => cpuPerFrame, 1),
      cell(series, ({ used }) => used, 2),
      cell(series, ({ waited }) => waited, 2),
      cell(series, ({ perCore }) => perCore, 0),
      sum(series, ({ faults }) => faults.lost),
      sum(series, ({ faults }) => faults.repeated),
      sum(series, ({ faults }) => faults.disordered),
    ]),
  ]);
}

function nameOf({ contender, instances, clients }: Setup): readonly string[] {
  return [contender.name, `${instances} × ${clients / instances}`];
}

/** The median of the rounds, and their least and greatest where there are several. */
function cell(
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

function sum({ rounds }: Series, value: (measurement: Measurement) => number): string {
  return `${rounds.reduce((total, round) => total + value(round), 0)}`;
}
