import { z } from "@hono/zod-openapi";
import type { Distribution, Grouping, RunStatistics, StatisticsGroup } from "../run/statistics.ts";

const Count = z.int().min(0);
const Seconds = z.number().min(0).nullable();

const DistributionSchema = z.object({
  avg: Seconds.openapi({ example: 182.4 }),
  p50: Seconds.openapi({ example: 170 }),
  p95: Seconds.openapi({ example: 321 }),
}).openapi("Distribution", {
  description: "In seconds, over many runs; `null` where there is none to tell of",
});

const StatisticsFields = {
  runs: Count.openapi({ description: "Completed runs, by the UTC day of their creation" }),
  successes: Count,
  failures: Count,
  cancelled: Count,
  timed_out: Count,
  success_rate: z.number().min(0).max(1).nullable().openapi({
    description: "successes / (successes + failures + timed_out)",
    example: 0.94,
  }),
  duration_seconds: DistributionSchema,
  queue_seconds: DistributionSchema,
  reruns: Count,
  flaky: Count.openapi({ description: "Failed, then succeeded on the same commit" }),
  minutes_used: Count.openapi({ description: "Of jobs, each rounded up to a whole minute" }),
  recoveries: Count.openapi({ description: "From red to green on default branches" }),
  red_to_green_seconds: Seconds.openapi({ description: "How long a recovery took on average" }),
};

export const RunStatisticsSchema = z.object(StatisticsFields).openapi("Figures");

const GroupSchema = z.union([
  z.object({ day: z.string().openapi({ format: "date", example: "2026-01-31" }) }),
  z.object({
    week: z.string().openapi({ description: "Its Monday", format: "date", example: "2026-01-26" }),
  }),
  z.object({
    workflow_id: z.int().openapi({ example: 161335 }),
    workflow_name: z.string().openapi({ example: "CI" }),
    repository: z.string().openapi({ example: "octo/app" }),
  }),
  z.object({ repository: z.string().openapi({ example: "octo/app" }) }),
]);

export const GroupStatisticsSchema = z.object({ group: GroupSchema, ...StatisticsFields }).openapi(
  "GroupFigures",
);

export function toStatisticsJson(statistics: RunStatistics): z.infer<typeof RunStatisticsSchema> {
  return {
    runs: statistics.runs,
    successes: statistics.successes,
    failures: statistics.failures,
    cancelled: statistics.cancelled,
    timed_out: statistics.timedOut,
    success_rate: roundToThousandth(statistics.successRate),
    duration_seconds: toDistributionJson(statistics.duration),
    queue_seconds: toDistributionJson(statistics.queue),
    reruns: statistics.reruns,
    flaky: statistics.flaky,
    minutes_used: statistics.minutesUsed,
    recoveries: statistics.recoveries,
    red_to_green_seconds: roundToThousandth(statistics.redToGreenSeconds),
  };
}

function toDistributionJson({ avg, p50, p95 }: Distribution) {
  return { avg: roundToThousandth(avg), p50: roundToThousandth(p50), p95: roundToThousandth(p95) };
}

/** By what a group stands for. */
export function toGroupJson(
  { key, workflow }: StatisticsGroup,
  groupBy: Grouping,
): z.infer<typeof GroupSchema> {
  switch (groupBy) {
    case "day":
      return { day: key };
    case "week":
      return { week: key };
    case "repository":
      return { repository: key };
    case "workflow":
      return {
        workflow_id: Number(key),
        workflow_name: workflow?.name ?? "",
        repository: workflow?.repository ?? "",
      };
  }
}

/** To a thousandth: what GitHub tells are whole seconds. */
function roundToThousandth(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1_000) / 1_000;
}
