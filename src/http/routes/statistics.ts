import { createRoute, z } from "@hono/zod-openapi";
import { type Clock, DAY_MS, formatUtcDay, parseUtcDay } from "../../clock.ts";
import { type Grouping, PERCENTILE_ERROR, type StatisticsStore } from "../../run/statistics.ts";
import {
  type Api,
  DATA_SERVERS,
  jsonResponse,
  newApi,
  NOT_MODIFIED,
  paramsSchema,
  parsedParam,
} from "../api.ts";
import { requires } from "../security.ts";
import { LINK_HEADER, listSchema, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import { ParameterError } from "../params.ts";
import { openApiProblems, READ_PROBLEMS } from "../problem_schema.ts";
import { enumParam, idParam, nameParam, repositoryNameParam, withDefault } from "../query.ts";
import {
  GroupStatisticsSchema,
  RunStatisticsSchema,
  toGroupJson,
  toStatisticsJson,
} from "../statistics_schema.ts";

const DEFAULT_DAYS = 30;
const MAX_DAYS = 400;
const GROUPINGS = ["day", "week", "workflow", "repository"] as const satisfies readonly Grouping[];

function dayParam(description: string) {
  return parsedParam((text) => parseUtcDay(text) === undefined ? undefined : text, {
    allowed: "a day, for example 2026-01-31",
    description,
    example: "2026-01-31",
    schema: { type: "string", format: "date" },
  }).optional();
}

const STATISTICS = createRoute({
  method: "get",
  path: "/stats",
  tags: ["statistics"],
  servers: DATA_SERVERS,
  ...requires("read"),
  summary: "Tell what became of runs",
  description:
    "Of completed runs, in totals and in groups. Days and weeks come from the first to the last, workflows and repositories with those first that ran most.",
  request: {
    query: paramsSchema({
      from: dayParam(`The first day (UTC); without it, ${DEFAULT_DAYS} days up to \`to\``),
      to: dayParam(`The last day, included; without it, today. ${MAX_DAYS} days at the most`),
      repository: repositoryNameParam({ description: "Of this repository" }).optional(),
      workflow: idParam({ description: "Of the workflow with this number" }).optional(),
      branch: nameParam({ description: "Of this branch", example: "main" }).optional(),
      group_by: withDefault(enumParam(GROUPINGS, { description: "What a group is" }), "day"),
      ...PAGE_PARAMETERS,
    }),
  },
  responses: {
    200: {
      ...jsonResponse(
        z.object({
          from: z.string().openapi({ format: "date", example: "2026-01-01" }),
          to: z.string().openapi({ format: "date", example: "2026-01-31" }),
          group_by: z.enum(GROUPINGS),
          percentile_error: z.number().openapi({
            description: "Greatest relative error of `p50` and `p95`; all else is exact",
            example: PERCENTILE_ERROR,
          }),
          totals: RunStatisticsSchema,
          ...listSchema(GroupStatisticsSchema).shape,
        }),
        "Figures",
      ),
      ...LINK_HEADER,
    },
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS),
  },
});

export interface StatisticsRoutesOptions {
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

/** @throws {ParameterError} when the range is empty or too long */
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
  throw new ParameterError({ name: "from", value: from, allowed: `${earliest} to ${to}` });
}
