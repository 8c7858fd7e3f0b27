import { z } from "@hono/zod-openapi";
import { type Clock, DAY_MS, formatUtcDay, parseUtcDay } from "../../clock.ts";
import { invalidValue } from "../../error_text.ts";
import {
  type Distribution,
  type Grouping,
  PERCENTILE_ERROR,
  type RunStatistics,
  type StatisticsGroup,
  type StatisticsStore,
} from "../../run/statistics.ts";
import { type Api, apiRoute, DATA_SERVERS, newApi } from "../api.ts";
import { listFields, okWithLinks, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import {
  enumParam,
  idParam,
  nameParam,
  paramsSchema,
  parsedParam,
  repositoryNameParam,
  withDefault,
} from "../params.ts";
import { ProblemError } from "../problem.ts";
import { requires } from "../security.ts";

const DEFAULT_DAYS = 30;
const MAX_DAYS = 400;
const GROUPINGS = ["day", "week", "workflow", "repository"] as const satisfies readonly Grouping[];

function dayParam(description: string) {
  return parsedParam((text) => parseUtcDay(text) === undefined ? undefined : text, {
    expected: "a day, for example 2026-01-31",
    description,
    example: "2026-01-31",
    schema: { type: "string", format: "date" },
  }).optional();
}

const Count = z.int().min(0);
const Seconds = z.number().min(0).nullable();

const DistributionSchema = z.object({
  avg: Seconds.openapi({ example: 182.4 }),
  p50: Seconds.openapi({ example: 170 }),
  p95: Seconds.openapi({ example: 321 }),
}).openapi("Distribution", {
  description: "In seconds; `null` if no runs",
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
  flaky: Count.openapi({ description: "Flaky runs: failed, then succeeded on the same commit" }),
  minutes_used: Count.openapi({ description: "Job minutes, rounded up per job" }),
  recoveries: Count.openapi({ description: "Recoveries of the default branch" }),
  red_to_green_seconds: Seconds.openapi({ description: "Mean time to recovery" }),
};

const RunStatisticsSchema = z.object(StatisticsFields).openapi("Statistics");

const GroupSchema = z.union([
  z.object({ day: z.string().openapi({ format: "date", example: "2026-01-31" }) }),
  z.object({
    week: z.string().openapi({
      description: "Monday of the week",
      format: "date",
      example: "2026-01-26",
    }),
  }),
  z.object({
    workflow_id: z.int().openapi({ example: 161335 }),
    workflow_name: z.string().openapi({ example: "CI" }),
    repository: z.string().openapi({ example: "octo/app" }),
  }),
  z.object({ repository: z.string().openapi({ example: "octo/app" }) }),
]).openapi("StatisticsGroup");

const GroupStatisticsSchema = z.object({ group: GroupSchema, ...StatisticsFields }).openapi(
  "GroupStatistics",
);

const StatisticsReportSchema = z.object({
  from: z.string().openapi({ format: "date", example: "2026-01-01" }),
  to: z.string().openapi({ format: "date", example: "2026-01-31" }),
  group_by: z.enum(GROUPINGS),
  percentile_error: z.number().openapi({
    description: "Maximum relative error of `p50` and `p95`; all other values are exact",
    example: PERCENTILE_ERROR,
  }),
  totals: RunStatisticsSchema,
  ...listFields(GroupStatisticsSchema),
}).openapi("StatisticsReport");

const STATISTICS = apiRoute({
  operationId: "getStatistics",
  tag: "statistics",
  method: "get",
  path: "/stats",
  servers: DATA_SERVERS,
  access: requires("read"),
  summary: "Get run statistics",
  description:
    "Totals and groups of completed runs. Days and weeks are in chronological order, workflows and repositories by number of runs, highest first.",
  query: paramsSchema({
    from: dayParam(`First day (UTC); by default ${DEFAULT_DAYS} days up to \`to\``),
    to: dayParam(`Last day, included; by default today. At most ${MAX_DAYS} days`),
    repository: repositoryNameParam({ description: "Filter by repository" }).optional(),
    workflow: idParam({ description: "Filter by GitHub workflow ID" }).optional(),
    branch: nameParam({ description: "Filter by branch", example: "main" }).optional(),
    group_by: withDefault(enumParam(GROUPINGS, { description: "Group by" }), "day"),
    ...PAGE_PARAMETERS,
  }),
  returns: okWithLinks(StatisticsReportSchema, "Statistics"),
});

interface StatisticsRoutesOptions {
  readonly statistics: StatisticsStore;
  readonly clock: Clock;
}

/** `GET /stats`. */
export function statisticsRoutes({ statistics, clock }: StatisticsRoutesOptions): Api {
  const api = newApi();
  api.openapi(STATISTICS, async (context) => {
    const { group_by: groupBy, workflow, page, per_page: perPage, ...query } = context.req.valid(
      "query",
    );
    const range = toDayRange(query, clock.now());
    const { totals, totalGroups, groups } = await statistics.query({
      visibility: await context.get("principal").visibility(),
      ...query,
      ...range,
      workflowId: workflow,
      groupBy,
      page,
      perPage,
    });
    setPageLinks(context, { page, perPage, total: totalGroups });
    return context.json({
      ...range,
      group_by: groupBy,
      percentile_error: PERCENTILE_ERROR,
      totals: toStatisticsJson(totals),
      total_count: totalGroups,
      items: groups.map((group) => ({
        group: toGroupJson(group, groupBy),
        ...toStatisticsJson(group.statistics),
      })),
    }, 200);
  });
  return api;
}

interface DayRange {
  readonly from: string;
  readonly to: string;
}

/** @throws {ProblemError} if the range is empty or too long */
function toDayRange(
  query: { from?: string | undefined; to?: string | undefined },
  now: number,
): DayRange {
  const to = query.to ?? formatUtcDay(now);
  const end = Date.parse(to);
  const from = query.from ?? formatUtcDay(end - (DEFAULT_DAYS - 1) * DAY_MS);
  const days = (end - Date.parse(from)) / DAY_MS + 1;
  if (days >= 1 && days <= MAX_DAYS) return { from, to };
  const earliest = formatUtcDay(end - (MAX_DAYS - 1) * DAY_MS);
  const expected = `a day from ${earliest} to ${to}`;
  throw new ProblemError("invalid_parameter", invalidValue("from", from, expected));
}

function toStatisticsJson(statistics: RunStatistics): z.infer<typeof RunStatisticsSchema> {
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

function toGroupJson(
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

/** GitHub reports whole seconds. */
function roundToThousandth(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1_000) / 1_000;
}
