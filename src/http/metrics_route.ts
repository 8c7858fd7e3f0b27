import { createRoute, z } from "@hono/zod-openapi";
import { type Api, newApi } from "./api.ts";
import { FOR_CALLERS_OR_HERE } from "./demand.ts";
import { CALLER_PROBLEMS, problems } from "./problem_schema.ts";

/** What is told to whoever watches over us. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

const METRICS = createRoute({
  method: "get",
  path: "/metrics",
  tags: ["health"],
  ...FOR_CALLERS_OR_HERE,
  summary: "Tell figures about ourselves to Prometheus",
  description:
    "Sums alone: no name of a repository, a user or a key. Where a login is configured, for those who say who they are, and " +
    "for programs on the same machine.",
  responses: {
    200: {
      description: "https://prometheus.io/docs/instrumenting/exposition_formats/",
      content: { "text/plain": { schema: z.string() } },
    },
    ...problems(...CALLER_PROBLEMS),
  },
});

/** `GET /metrics`. */
export function metricsRoutes({ metrics }: { readonly metrics: Metrics }): Api {
  const api = newApi();
  api.openapi(
    METRICS,
    async (context) =>
      context.text(await metrics.text(), 200, { "Content-Type": metrics.contentType }),
  );
  return api;
}
