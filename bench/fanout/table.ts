import { markdownTable } from "../markdown.ts";
import type { Measurement } from "./measure.ts";

/** All rounds of one server with one number of clients. */
export interface Series {
  readonly name: string;
  readonly clients: number;
  readonly rounds: readonly Measurement[];
}

interface Column {
  readonly title: string;
  readonly digits: number;
  readonly value: (measurement: Measurement) => number;
}

const COLUMNS: readonly Column[] = [
  { title: "CPU per frame, µs", digits: 1, value: (m) => m.cpuPerFrame },
  { title: "first to last client, ms: p50", digits: 1, value: (m) => m.spreadP50 },
  { title: "p99", digits: 1, value: (m) => m.spreadP99 },
  { title: "RSS per connection, KiB: connected", digits: 1, value: (m) => m.rssConnected },
  { title: "after the broadcasts", digits: 1, value: (m) => m.rssAfter },
];

/**
 * Markdown: each cell has the median of the rounds, their minimum and maximum, and the median ratio to the baseline in the
 * same round, because disturbances vary over time.
 */
export function fanoutTable(series: readonly Series[], baseline: string): string {
  const rows = series.map((one) => {
    const baselineSeries = series.find((other) =>
      other.name === baseline && other.clients === one.clients
    );
    const cells = COLUMNS.map((column) => formatCell(column, one, baselineSeries));
    const lost = one.rounds.reduce((sum, round) => sum + round.lost, 0);
    return [one.name, String(one.clients), ...cells, String(lost)];
  });
  return markdownTable([
    ["server", "clients", ...COLUMNS.map(({ title }) => title), "lost"],
    ...rows,
  ]);
}

function formatCell(
  { value, digits }: Column,
  series: Series,
  baseline: Series | undefined,
): string {
  const values = series.rounds.map(value);
  const [min, max] = [Math.min(...values), Math.max(...values)].map((n) => n.toFixed(digits));
  const text = `${median(values).toFixed(digits)} (${min}–${max})`;
  if (!baseline || baseline === series) return text;
  const bases = baseline.rounds.map(value);
  const ratios = values.map((figure, round) => figure / (bases[round] ?? NaN));
  return `${text} ${median(ratios).toFixed(2)}×`;
}

/** The lower median, which is always a measured value. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length / 2) - 1] ?? NaN;
}
