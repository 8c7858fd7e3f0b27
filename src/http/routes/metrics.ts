import { createRoute, z } from "@hono/zod-openapi";
import { type Api, newApi } from "../api.ts";
import { AUTHENTICATED_OR_LOCAL } from "../security.ts";
import { AUTH_PROBLEMS, openApiProblems } from "../problem_schema.ts";

/** What is told to whoever watches over us. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

const METRICS = createRoute({
  method: "get",
  path: "/metrics",
  tags: ["health"],
  ...AUTHENTICATED_OR_LOCAL,
  summary: "Tell figures about ourselves to Prometheus",
  description:
    "Sums alone: no name of a repository, a user or a key. Where a login is configured, for those who say who they are, and " +
    "for programs on the same machine.",
  responses: {
    200: {
      description: "https://prometheus.io/docs/instrumenting/exposition_formats/",
      content: { "text/plain": { schema: z.string() } },
    },
    ...openApiProblems(...AUTH_PROBLEMS),
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
