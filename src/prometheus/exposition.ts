import { Counter, Gauge, type Histogram, Registry } from "prom-client";
import type { LatencyHistogram } from "../latency_histogram.ts";

export type Labels = Readonly<Record<string, string>>;
/** The values of a metric, each with what its labels say. */
export type LabeledValues<Value = number> = Iterable<readonly [Labels, Value]>;

export interface MetricOptions {
  /** By the rules of https://prometheus.io/docs/practices/naming/ */
  readonly name: string;
  readonly help: string;
  /** Few, and of few values: each combination is a series that somebody keeps. */
  readonly labels?: readonly string[];
}

/** One value, several with labels, or `undefined` while it is not known. */
export type MetricValue = number | undefined | LabeledValues;

/**
 * What `GET /metrics` tells, in https://prometheus.io/docs/instrumenting/exposition_formats/. Nothing is counted here: a
 * metric is read from the part that knows it when somebody asks, so that what is measured costs no more than a number.
 */
export class Exposition {
  readonly #registry = new Registry();

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Every metric that there is. */
  get names(): readonly string[] {
    return this.#registry.getMetricsAsArray().map(({ name }) => name);
  }

  /** All metrics as they are now. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Something that rises and falls. Where `read` fails there is no value. */
  gauge(options: MetricOptions, read: () => MetricValue | Promise<MetricValue>): void {
    new Gauge({
      ...this.#toConfiguration(options),
      async collect() {
        const values = [...toLabeledValues(await tryRead(read))];
        this.reset();
        // Without labels it would be 0.
        if (values.length === 0 && !options.labels) this.remove();
        for (const [labels, value] of values) this.set(labels, value);
      },
    });
  }

  /** Something that only rises, from 0 at our start. */
  counter(options: MetricOptions, read: () => number | LabeledValues): void {
    new Counter({
      ...this.#toConfiguration(options),
      collect() {
        this.reset();
        for (const [labels, value] of toLabeledValues(read())) this.inc(labels, value);
      },
    });
  }

  /** How long something takes. */
  histogram(
    { name, help }: MetricOptions,
    read: () => LatencyHistogram | LabeledValues<LatencyHistogram>,
  ): void {
    const metric = new LatencyMetric({ name, help }, () => {
      const value = read();
      return Symbol.iterator in value ? value : [[{}, value]];
    });
    // The registry asks a metric for no more than what that one has.
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

/** A histogram over what was counted elsewhere, which prom-client's own cannot be filled with. */
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
