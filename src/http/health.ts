import type { PollerStatus } from "../run/poller.ts";
import type { Budget } from "../run/pace.ts";

/** Whether a service that we stand on answers. */
export type ServiceState = "up" | "down";

export interface HealthSources {
  readonly poller: { readonly status: PollerStatus };
  readonly budget: () => Budget | undefined;
}

/** The body of `GET /health`. Times are RFC 3339. */
export interface Health {
  /** `degraded`: clients are served what we have, but GitHub does not answer us; `unhealthy`: a service is down. */
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly services: Readonly<Record<string, ServiceState>>;
  readonly github: {
    readonly state: PollerStatus["state"];
    readonly waiting_until: string | null;
    /** Of GitHub's rate limit; `null` until GitHub was asked. */
    readonly remaining: number | null;
    readonly limit: number | null;
    readonly reset_at: string | null;
    readonly last_success_at: string | null;
  };
}

/** How we are. GitHub's troubles never make us unhealthy: taking us out of service would not mend them. */
export function health({ poller, budget }: HealthSources): Health {
  const { state, waitingUntil, lastSuccessAt } = poller.status;
  const left = budget();
  const isCutOff = state === "unauthorized" || state === "unreachable";
  return {
    status: isCutOff ? "degraded" : "healthy",
    services: {},
    github: {
      state,
      waiting_until: timestamp(waitingUntil),
      remaining: left?.remaining ?? null,
      limit: left?.limit ?? null,
      reset_at: timestamp(left?.resetAt ?? null),
      last_success_at: timestamp(lastSuccessAt),
    },
  };
}

function timestamp(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
