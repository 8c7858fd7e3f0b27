import { createRoute, z } from "@hono/zod-openapi";
import { type Clock, DAY_MS, dayOf, readDay } from "../clock.ts";
import { type Grouping, PERCENTILE_ERROR, type StatisticsStore } from "../run/statistics.ts";
import {
  type Api,
  DATA_SERVERS,
  json,
  newApi,
  NOT_MODIFIED,
  parameter,
  parameters,
} from "./api.ts";
import { demands } from "./demand.ts";
import { LINK_HEADER, linkPages, listOf, PAGE_PARAMETERS } from "./list.ts";
import { ParameterError } from "./parameter.ts";
import { problems, READ_PROBLEMS } from "./problem_schema.ts";
import { choice, id, name, repositoryName, withDefault } from "./query.ts";
import { figuresJson, FiguresSchema, GroupFiguresSchema, groupJson } from "./statistics_schema.ts";

const DEFAULT_DAYS = 30;
const MAX_DAYS = 400;
const GROUPINGS = ["day", "week", "workflow", "repository"] as const satisfies readonly Grouping[];

function day(description: string) {
  return parameter((text) => readDay(text) === undefined ? undefined : text, {
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
  ...demands("read"),
  summary: "Tell what became of runs",
  description:
    "Of completed runs, in totals and in groups. Days and weeks come from the first to the last, workflows and repositories with those first that ran most.",
  request: {
    query: parameters({
      from: day(`The first day (UTC); without it, ${DEFAULT_DAYS} days up to \`to\``),
      to: day(`The last day, included; without it, today. ${MAX_DAYS} days at the most`),
      repository: repositoryName({ description: "Of this repository" }).optional(),
      workflow: id({ description: "Of the workflow with this number" }).optional(),
      branch: name({ description: "Of this branch", example: "main" }).optional(),
      group_by: withDefault(choice(GROUPINGS, { description: "What a group is" }), "day"),
      ...PAGE_PARAMETERS,
    }),
  },
  responses: {
    200: {
      ...json(
        z.object({
          from: z.string().openapi({ format: "date", example: "2026-01-01" }),
          to: z.string().openapi({ format: "date", example: "2026-01-31" }),
          group_by: z.enum(GROUPINGS),
          percentile_error: z.number().openapi({
            description: "Greatest relative error of `p50` and `p95`; all else is exact",
            example: PERCENTILE_ERROR,
          }),
          totals: FiguresSchema,
          ...listOf(GroupFiguresSchema).shape,
        }),
        "Figures",
      ),
      ...LINK_HEADER,
    },
    ...NOT_MODIFIED,
    ...problems(...READ_PROBLEMS),
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
    const range = rangeOf(query, clock.now());
    const { totals, totalGroups, groups } = await statistics.query({
      visible: await context.get("caller").visibility(),
      ...query,
      ...range,
      workflowId: workflow,
      groupBy,
      page,
      perPage,
    });
    linkPages(context, { page, perPage, total: totalGroups });
    return context.json({
      ...range,
      group_by: groupBy,
      percentile_error: PERCENTILE_ERROR,
      totals: figuresJson(totals),
      total_count: totalGroups,
      items: groups.map((group) => ({
        group: groupJson(group, groupBy),
        ...figuresJson(group.statistics),
      })),
    }, 200);
  });
  return api;
}

interface Range {
  readonly from: string;
  readonly to: string;
}

/** @throws {ParameterError} when the range is empty or too long */
function rangeOf(
  query: { from?: string | undefined; to?: string | undefined },
  now: number,
): Range {
  const to = query.to ?? dayOf(now);
  const end = Date.parse(to);
  const from = query.from ?? dayOf(end - (DEFAULT_DAYS - 1) * DAY_MS);
  const days = (end - Date.parse(from)) / DAY_MS + 1;
  if (days >= 1 && days <= MAX_DAYS) return { from, to };
  const earliest = dayOf(end - (MAX_DAYS - 1) * DAY_MS);
  throw new ParameterError({ name: "from", value: from, allowed: `${earliest} to ${to}` });
}
