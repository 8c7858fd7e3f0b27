import type { LatencyHistogram } from "../latency_histogram.ts";
import type { LabeledValues, Labels } from "./exposition.ts";

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
  readonly #read: () => LabeledValues<LatencyHistogram>;

  constructor(
    { name, help }: { readonly name: string; readonly help: string },
    read: () => LabeledValues<LatencyHistogram>,
  ) {
    this.name = name;
    this.help = help;
    this.#read = read;
  }

  /** As the registry asks every metric. */
  get() {
    const { name, help, type, aggregator } = this;
    const values = [...this.#read()].flatMap((labeled) => toSamples(name, labeled));
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  reset(): void {}
}

/** In the format a bucket counts those of the buckets before it, too. */
function toSamples(
  name: string,
  [labels, { bounds, counts, sum }]: readonly [Labels, LatencyHistogram],
): Sample[] {
  let count = 0;
  const buckets = counts.map((bucketCount, bucket) => ({
    metricName: `${name}_bucket`,
    labels: { le: bounds[bucket] ?? "+Inf", ...labels },
    value: count += bucketCount,
  }));
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
