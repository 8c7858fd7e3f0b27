import type { RunFacts } from "./facts.ts";
import { Histogram } from "./histogram.ts";
import type { Distribution, Figures } from "./statistics.ts";

/** What is added up of runs; times in ms. */
export const SUMS = [
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
export type Sums = Record<(typeof SUMS)[number], number>;

/** What is counted of some runs: tallies of parts add up to that of the whole, and what was counted can be taken off. */
export class Tally {
  readonly sums: Sums;
  readonly durations: Histogram;
  readonly queues: Histogram;

  constructor(
    { sums, durations = new Histogram(), queues = new Histogram() }: {
      readonly sums?: Readonly<Sums>;
      readonly durations?: Histogram;
      readonly queues?: Histogram;
    } = {},
  ) {
    this.sums = { ...(sums ?? sumsBy(() => 0)) };
    this.durations = durations;
    this.queues = queues;
  }

  /** Counts a run, or takes it off again: `times` is -1. */
  add(facts: RunFacts, times: 1 | -1 = 1): void {
    const own = sumsOf(facts);
    for (const name of SUMS) this.sums[name] += times * own[name];
    if (facts.durationMs !== null) this.durations.add(facts.durationMs, times);
    if (facts.queueMs !== null) this.queues.add(facts.queueMs, times);
  }

  /** Adds all that another one counts, or takes it off. */
  addAll(other: Tally, times: 1 | -1 = 1): void {
    for (const name of SUMS) this.sums[name] += times * other.sums[name];
    this.durations.addAll(other.durations, times);
    this.queues.addAll(other.queues, times);
  }

  figures(): Figures {
    const { durationMs, queueMs, minutes, recoveryMs, ...counts } = this.sums;
    const ended = counts.successes + counts.failures + counts.timedOut;
    return {
      ...counts,
      successRate: ended === 0 ? null : counts.successes / ended,
      duration: distribution(durationMs, this.durations),
      queue: distribution(queueMs, this.queues),
      minutesUsed: minutes,
      redToGreenSeconds: counts.recoveries === 0 ? null : seconds(recoveryMs / counts.recoveries),
    };
  }
}

/** What is to be known of each sum. */
export function sumsBy<T>(value: (name: keyof Sums) => T): Record<keyof Sums, T> {
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

function sumsOf(facts: RunFacts): Sums {
  const { verdict } = facts;
  return {
    runs: 1,
    successes: Number(verdict === "success"),
    failures: Number(verdict === "failure"),
    cancelled: Number(verdict === "cancelled"),
    timedOut: Number(verdict === "timed_out"),
    durationMs: facts.durationMs ?? 0,
    queueMs: facts.queueMs ?? 0,
    reruns: facts.reruns,
    flaky: Number(facts.isFlaky),
    minutes: facts.minutes,
    recoveries: Number(facts.recoveryMs !== null),
    recoveryMs: facts.recoveryMs ?? 0,
  };
}

function distribution(sumMs: number, histogram: Histogram): Distribution {
  return {
    avg: histogram.count === 0 ? null : seconds(sumMs / histogram.count),
    p50: seconds(histogram.percentile(0.5)),
    p95: seconds(histogram.percentile(0.95)),
  };
}

function seconds(ms: number): number;
function seconds(ms: number | null): number | null;
function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
