import type { Latency } from "../latency.ts";
import type { Labels, Values } from "./exposition.ts";

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A histogram over what was counted elsewhere, which prom-client's own cannot be filled with. */
export class LatencyMetric {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly #read: () => Values<Latency>;

  constructor(
    { name, help }: { readonly name: string; readonly help: string },
    read: () => Values<Latency>,
  ) {
    this.name = name;
    this.help = help;
    this.#read = read;
  }

  /** As the registry asks every metric. */
  get() {
    const { name, help, type, aggregator } = this;
    const values = [...this.#read()].flatMap((each) => samplesOf(name, each));
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  reset(): void {}
}

/** In the format a bucket counts those of the buckets before it, too. */
function samplesOf(
  name: string,
  [labels, { bounds, counts, sum }]: readonly [Labels, Latency],
): Sample[] {
  let count = 0;
  const buckets = counts.map((of, place) => ({
    metricName: `${name}_bucket`,
    labels: { le: bounds[place] ?? "+Inf", ...labels },
    value: count += of,
  }));
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
