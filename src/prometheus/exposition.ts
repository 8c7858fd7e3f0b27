import { Counter, Gauge, type Histogram, Registry } from "prom-client";
import type { Latency } from "../latency.ts";
import { LatencyMetric } from "./latency_metric.ts";

export type Labels = Readonly<Record<string, string>>;
/** The values of a metric, each with what its labels say. */
export type Values<Value = number> = Iterable<readonly [Labels, Value]>;

export interface MetricOptions {
  /** By the rules of https://prometheus.io/docs/practices/naming/ */
  readonly name: string;
  readonly help: string;
  /** Few, and of few values: each combination is a series that somebody keeps. */
  readonly labels?: readonly string[];
}

/** One value, several with labels, or `undefined` while it is not known. */
export type Reading = number | undefined | Values;

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
  gauge(options: MetricOptions, read: () => Reading | Promise<Reading>): void {
    new Gauge({
      ...this.#configuration(options),
      async collect() {
        const values = [...valuesOf(await attempt(read))];
        this.reset();
        // Without labels it would be 0.
        if (values.length === 0 && !options.labels) this.remove();
        for (const [labels, value] of values) this.set(labels, value);
      },
    });
  }

  /** Something that only rises, from 0 at our start. */
  counter(options: MetricOptions, read: () => number | Values): void {
    new Counter({
      ...this.#configuration(options),
      collect() {
        this.reset();
        for (const [labels, value] of valuesOf(read())) this.inc(labels, value);
      },
    });
  }

  /** How long something takes. */
  histogram({ name, help }: MetricOptions, read: () => Latency | Values<Latency>): void {
    const metric = new LatencyMetric({ name, help }, () => {
      const reading = read();
      return Symbol.iterator in reading ? reading : [[{}, reading]];
    });
    // The registry asks a metric for no more than what that one has.
    this.#registry.registerMetric(metric as unknown as Histogram);
  }

  #configuration({ name, help, labels = [] }: MetricOptions) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }
}

async function attempt(read: () => Reading | Promise<Reading>): Promise<Reading> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}

function valuesOf(reading: Reading): Values {
  if (reading === undefined) return [];
  return typeof reading === "number" ? [[{}, reading]] : reading;
}
