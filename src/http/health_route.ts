import { createRoute, z } from "@hono/zod-openapi";
import { type Api, jsonResponse, newApi } from "./api.ts";
import { PUBLIC } from "./security.ts";
import type { Health } from "./routes/health.ts";
import { openApiProblems } from "./problem_schema.ts";

const NullableTimestamp = z.string().nullable().openapi({ format: "date-time" });

const HealthSchema = z.object({
  status: z.enum(["healthy", "degraded", "unhealthy"]).openapi({
    description:
      "`degraded`: clients are served what we have, but GitHub does not answer us; `unhealthy`: a service is down",
  }),
  services: z.record(z.string(), z.enum(["up", "down"])).openapi({ example: { sqlite: "up" } }),
  github: z.object({
    state: z.enum(["polling", "waiting", "idle", "unauthorized", "unreachable"]),
    waiting_until: NullableTimestamp,
    remaining: z.int().nullable().openapi({ description: "Of GitHub's rate limit", example: 4990 }),
    limit: z.int().nullable().openapi({ example: 5000 }),
    reset_at: NullableTimestamp,
    last_success_at: NullableTimestamp,
  }),
}).openapi("Health");

const HEALTH = createRoute({
  method: "get",
  path: "/health",
  tags: ["health"],
  ...PUBLIC,
  summary: "Tell how we are, and how we stand with GitHub",
  responses: {
    200: jsonResponse(HealthSchema, "We can serve"),
    503: jsonResponse(HealthSchema, "A service that we stand on is down"),
    ...openApiProblems("internal"),
  },
});

const LIVEZ = createRoute({
  method: "get",
  path: "/livez",
  tags: ["health"],
  ...PUBLIC,
  summary: "Tell that the process lives",
  responses: { 200: jsonResponse(z.object({ status: z.literal("alive") }), "It lives") },
});

/** `GET /health` and `GET /livez`. */
export function healthRoutes({ health }: { readonly health: () => Promise<Health> }): Api {
  const api = newApi();
  api.openapi(HEALTH, async (context) => {
    const body = await health();
    context.header("Cache-Control", "no-store");
    return context.json(body, body.status === "unhealthy" ? 503 : 200);
  });
  api.openapi(LIVEZ, (context) => context.json({ status: "alive" as const }, 200));
  return api;
}
