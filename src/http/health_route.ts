import { createRoute, z } from "@hono/zod-openapi";
import { type Api, json, newApi } from "./api.ts";
import { FOR_ANYBODY } from "./demand.ts";
import type { Health } from "./health.ts";
import { problems } from "./problem_schema.ts";

const Time = z.string().nullable().openapi({ format: "date-time" });

const HealthSchema = z.object({
  status: z.enum(["healthy", "degraded", "unhealthy"]).openapi({
    description:
      "`degraded`: clients are served what we have, but GitHub does not answer us; `unhealthy`: a service is down",
  }),
  services: z.record(z.string(), z.enum(["up", "down"])).openapi({ example: { sqlite: "up" } }),
  github: z.object({
    state: z.enum(["polling", "waiting", "resting", "unauthorized", "unreachable"]),
    waiting_until: Time,
    remaining: z.int().nullable().openapi({ description: "Of GitHub's rate limit", example: 4990 }),
    limit: z.int().nullable().openapi({ example: 5000 }),
    reset_at: Time,
    last_success_at: Time,
  }),
}).openapi("Health");

const HEALTH = createRoute({
  method: "get",
  path: "/health",
  tags: ["health"],
  ...FOR_ANYBODY,
  summary: "Tell how we are, and how we stand with GitHub",
  responses: {
    200: json(HealthSchema, "We can serve"),
    503: json(HealthSchema, "A service that we stand on is down"),
    ...problems("internal"),
  },
});

const LIVEZ = createRoute({
  method: "get",
  path: "/livez",
  tags: ["health"],
  ...FOR_ANYBODY,
  summary: "Tell that the process lives",
  responses: { 200: json(z.object({ status: z.literal("alive") }), "It lives") },
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
