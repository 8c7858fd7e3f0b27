import { createRoute, z } from "@hono/zod-openapi";
import { type Clock, withTimeout } from "../../clock.ts";
import type { GitHubRateLimit } from "../../run/github_rate_limit.ts";
import type { PollerStatus } from "../../run/polling/poller.ts";
import { type Api, jsonResponse, MALFORMED_REQUEST, newApi, ok } from "../api.ts";
import { openApiProblems } from "../problem.ts";
import { PUBLIC } from "../security.ts";
import { toTimestamp } from "../timestamp.ts";

/** A service that does not answer within this time is down. */
const CHECK_TIMEOUT_MS = 1_000;
/** With the timeout of a check, no reported state is older than 2 s. */
const CACHE_MS = 1_000;
/** A service with this many unanswered checks is not checked again until it answers one. */
const MAX_PENDING = 3;

interface HealthSources {
  readonly poller: { readonly status: PollerStatus };
  readonly rateLimit: () => GitHubRateLimit | undefined;
  /** The required services by name; a check rejects if its service does not answer. */
  readonly services: Readonly<Record<string, () => Promise<void>>>;
  readonly clock: Clock;
}

/** The body of `GET /health`. Times are RFC 3339. */
export interface Health {
  /** `degraded`: clients receive stored data, but GitHub does not answer; `unhealthy`: a service is down. */
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly services: Readonly<Record<string, "up" | "down">>;
  readonly github: {
    readonly state: PollerStatus["state"];
    readonly waiting_until: string | null;
    /** Remaining requests of GitHub's rate limit; `null` before the first request. */
    readonly remaining: number | null;
    readonly limit: number | null;
    readonly reset_at: string | null;
    readonly last_success_at: string | null;
  };
}

const NullableTimestamp = z.string().nullable().openapi({ format: "date-time" });

const HealthSchema = z.object({
  status: z.enum(["healthy", "degraded", "unhealthy"]).openapi({
    description:
      "`degraded`: clients receive stored data, but GitHub does not answer; `unhealthy`: a service is down",
  }),
  services: z.record(z.string(), z.enum(["up", "down"])).openapi({ example: { sqlite: "up" } }),
  github: z.object({
    state: z.enum(["polling", "waiting", "idle", "unauthorized", "unreachable"]),
    waiting_until: NullableTimestamp,
    remaining: z.int().nullable().openapi({
      description: "Remaining requests of GitHub's rate limit",
      example: 4990,
    }),
    limit: z.int().nullable().openapi({ example: 5000 }),
    reset_at: NullableTimestamp,
    last_success_at: NullableTimestamp,
  }),
}).openapi("Health");

const HEALTH = createRoute({
  operationId: "getHealth",
  method: "get",
  path: "/health",
  tags: ["health"],
  ...PUBLIC,
  summary: "Get health",
  responses: {
    ...ok(HealthSchema, "The server can serve clients"),
    503: jsonResponse(HealthSchema, "A required service is down"),
    ...MALFORMED_REQUEST,
    ...openApiProblems("internal"),
  },
});

const LIVEZ = createRoute({
  operationId: "getLiveness",
  method: "get",
  path: "/livez",
  tags: ["health"],
  ...PUBLIC,
  summary: "Liveness probe",
  responses: {
    ...ok(z.object({ status: z.literal("alive") }).openapi("Liveness"), "Alive"),
    ...MALFORMED_REQUEST,
  },
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

/** Failures of GitHub never make the server unhealthy: removing it from a load balancer would not fix them. */
export async function checkHealth(sources: HealthSources): Promise<Health> {
  const { state, waitingUntil, lastSuccessAt } = sources.poller.status;
  const rateLimit = sources.rateLimit();
  const services = await checkServices(sources);
  const isGitHubDown = state === "unauthorized" || state === "unreachable";
  const isDown = Object.values(services).includes("down");
  return {
    status: isDown ? "unhealthy" : isGitHubDown ? "degraded" : "healthy",
    services,
    github: {
      state,
      waiting_until: toTimestamp(waitingUntil),
      remaining: rateLimit?.remaining ?? null,
      limit: rateLimit?.limit ?? null,
      reset_at: toTimestamp(rateLimit?.resetAt ?? null),
      last_success_at: toTimestamp(lastSuccessAt),
    },
  };
}

async function checkServices({ services, clock }: HealthSources): Promise<Health["services"]> {
  const states = await Promise.all(
    Object.entries(services).map(async ([name, check]) => {
      const result = withTimeout(clock, CHECK_TIMEOUT_MS, check());
      return [name, await result.then(() => "up" as const, () => "down" as const)] as const;
    }),
  );
  return Object.fromEntries(states);
}

/** Checks whether a service answers; concurrent and close calls share one result. */
export class CachedHealthCheck {
  readonly #check: () => Promise<void>;
  readonly #clock: Clock;
  #latest: { readonly at: number; readonly result: Promise<void> } | undefined;
  #pending = 0;

  /** `check` rejects if the service does not answer. */
  constructor(check: () => Promise<void>, clock: Clock) {
    this.#check = check;
    this.#clock = clock;
  }

  /** Rejects if the service does not answer. */
  run(): Promise<void> {
    const now = this.#clock.now();
    const age = this.#latest ? now - this.#latest.at : Infinity;
    // A negative age means that the clock was set back.
    if (this.#latest && age >= 0 && age < CACHE_MS) return this.#latest.result;
    if (this.#pending >= MAX_PENDING) {
      return Promise.reject(new Error("No answer to previous checks"));
    }
    this.#pending++;
    const result = this.#check().finally(() => this.#pending--);
    this.#latest = { at: now, result };
    return result;
  }
}
