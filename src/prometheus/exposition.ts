import { Counter, Gauge, type Histogram, Registry } from "prom-client";
import type { LatencyHistogram } from "../latency_histogram.ts";

type Labels = Readonly<Record<string, string>>;
/** The values of a metric, each with its labels. */
export type LabeledValues<Value = number> = Iterable<readonly [Labels, Value]>;

interface MetricOptions {
  /** https://prometheus.io/docs/practices/naming/ */
  readonly name: string;
  readonly help: string;
  /** Few labels with few values: Prometheus stores a series for each combination. */
  readonly labels?: readonly string[];
}

/** One value, several with labels, or `undefined` while unknown. */
type MetricValue = number | undefined | LabeledValues;

/**
 * The metrics of `GET /metrics`, in https://prometheus.io/docs/instrumenting/exposition_formats/. It counts nothing itself: each
 * request reads the values from their sources.
 */
export class Exposition {
  readonly #registry = new Registry();

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The names of all metrics. */
  get names(): readonly string[] {
    return this.#registry.getMetricsAsArray().map(({ name }) => name);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** A value that rises and falls. It is absent if `read` fails. */
  gauge(options: MetricOptions, read: () => MetricValue | Promise<MetricValue>): void {
    new Gauge({
      ...this.#toConfiguration(options),
      async collect() {
        const values = [...toLabeledValues(await tryRead(read))];
        this.reset();
        // Without labels, a gauge without a value would be 0.
        if (values.length === 0 && !options.labels) this.remove();
        for (const [labels, value] of values) this.set(labels, value);
      },
    });
  }

  /** A value that only rises, from 0 at the start of the process. */
  counter(options: MetricOptions, read: () => number | LabeledValues): void {
    new Counter({
      ...this.#toConfiguration(options),
      collect() {
        this.reset();
        for (const [labels, value] of toLabeledValues(read())) this.inc(labels, value);
      },
    });
  }

  /** A distribution of durations. */
  histogram(
    { name, help }: MetricOptions,
    read: () => LatencyHistogram | LabeledValues<LatencyHistogram>,
  ): void {
    const metric = new LatencyMetric({ name, help }, () => {
      const value = read();
      return Symbol.iterator in value ? value : [[{}, value]];
    });
    // The registry uses no other members of a metric.
    this.#registry.registerMetric(metric as unknown as Histogram);
  }

  #toConfiguration({ name, help, labels = [] }: MetricOptions) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A histogram with external counts, which prom-client's own class does not accept. */
class LatencyMetric {
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

  /** Called by the registry. */
  get() {
    const { name, help, type, aggregator } = this;
    const values = [...this.#read()].flatMap((labeled) => toSamples(name, labeled));
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  reset(): void {}
}

/** In the exposition format, buckets are cumulative. */
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

async function tryRead(read: () => MetricValue | Promise<MetricValue>): Promise<MetricValue> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}

function toLabeledValues(value: MetricValue): LabeledValues {
  if (value === undefined) return [];
  return typeof value === "number" ? [[{}, value]] : value;
}
