import { createRoute, z } from "@hono/zod-openapi";
import { type Api, newApi } from "../api.ts";
import { AUTH_PROBLEMS, openApiProblems } from "../problem.ts";
import { AUTHENTICATED_OR_LOCAL } from "../security.ts";

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

const METRICS = createRoute({
  operationId: "getMetrics",
  method: "get",
  path: "/metrics",
  tags: ["health"],
  ...AUTHENTICATED_OR_LOCAL,
  summary: "Prometheus metrics",
  description: "Totals without names of repositories, users or keys. If sign-in is configured, " +
    "requires authentication, except for programs on the same machine.",
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
