import type { RunFacts } from "./facts.ts";
import { Histogram } from "./histogram.ts";
import type { Distribution, RunStatistics } from "./statistics.ts";

/** Sums over runs; times in ms. */
const COUNTERS = [
  "runs",
  "successes",
  "failures",
  "cancelled",
  "timedOut",
  "durationMs",
  "queueMs",
  "reruns",
  "flaky",
  "minutes",
  "recoveries",
  "recoveryMs",
] as const;
export type Counters = Record<(typeof COUNTERS)[number], number>;

/** Aggregates the facts of runs. Aggregates can be added and subtracted, so the parts of a whole add up to the whole. */
export class RunAggregate {
  readonly counters: Counters;
  readonly durations: Histogram;
  readonly queues: Histogram;

  constructor(
    { counters, durations = new Histogram(), queues = new Histogram() }: {
      readonly counters?: Readonly<Counters>;
      readonly durations?: Histogram;
      readonly queues?: Histogram;
    } = {},
  ) {
    this.counters = { ...(counters ?? mapCounters(() => 0)) };
    this.durations = durations;
    this.queues = queues;
  }

  /** Adds a run, or subtracts it if `times` is -1. */
  add(facts: RunFacts, times: 1 | -1 = 1): void {
    const added = toCounters(facts);
    for (const name of COUNTERS) this.counters[name] += times * added[name];
    if (facts.durationMs !== null) this.durations.add(facts.durationMs, times);
    if (facts.queueMs !== null) this.queues.add(facts.queueMs, times);
  }

  /** Adds another aggregate, or subtracts it if `times` is -1. */
  addAll(other: RunAggregate, times: 1 | -1 = 1): void {
    for (const name of COUNTERS) this.counters[name] += times * other.counters[name];
    this.durations.addAll(other.durations, times);
    this.queues.addAll(other.queues, times);
  }

  toStatistics(): RunStatistics {
    const { durationMs, queueMs, minutes, recoveryMs, ...counts } = this.counters;
    const ended = counts.successes + counts.failures + counts.timedOut;
    return {
      ...counts,
      successRate: ended === 0 ? null : counts.successes / ended,
      duration: toDistribution(durationMs, this.durations),
      queue: toDistribution(queueMs, this.queues),
      minutesUsed: minutes,
      redToGreenSeconds: counts.recoveries === 0 ? null : toSeconds(recoveryMs / counts.recoveries),
    };
  }
}

/** Returns an object with `value(name)` for each counter. */
export function mapCounters<T>(value: (name: keyof Counters) => T): Record<keyof Counters, T> {
  return {
    runs: value("runs"),
    successes: value("successes"),
    failures: value("failures"),
    cancelled: value("cancelled"),
    timedOut: value("timedOut"),
    durationMs: value("durationMs"),
    queueMs: value("queueMs"),
    reruns: value("reruns"),
    flaky: value("flaky"),
    minutes: value("minutes"),
    recoveries: value("recoveries"),
    recoveryMs: value("recoveryMs"),
  };
}

function toCounters(facts: RunFacts): Counters {
  const { outcome } = facts;
  return {
    runs: 1,
    successes: Number(outcome === "success"),
    failures: Number(outcome === "failure"),
    cancelled: Number(outcome === "cancelled"),
    timedOut: Number(outcome === "timed_out"),
    durationMs: facts.durationMs ?? 0,
    queueMs: facts.queueMs ?? 0,
    reruns: facts.reruns,
    flaky: Number(facts.isFlaky),
    minutes: facts.minutes,
    recoveries: Number(facts.recoveryMs !== null),
    recoveryMs: facts.recoveryMs ?? 0,
  };
}

function toDistribution(sumMs: number, histogram: Histogram): Distribution {
  return {
    avg: histogram.count === 0 ? null : toSeconds(sumMs / histogram.count),
    p50: toSeconds(histogram.percentile(0.5)),
    p95: toSeconds(histogram.percentile(0.95)),
  };
}

function toSeconds(ms: number): number;
function toSeconds(ms: number | null): number | null;
function toSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
