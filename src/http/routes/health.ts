import { type Clock, withTimeout } from "../../clock.ts";
import type { GitHubRateLimit } from "../../run/github_rate_limit.ts";
import type { PollerStatus } from "../../run/polling/poller.ts";

/** A service that does not answer within this time is down. */
const CHECK_TIMEOUT_MS = 1_000;

export interface HealthSources {
  readonly poller: { readonly status: PollerStatus };
  readonly rateLimit: () => GitHubRateLimit | undefined;
  /** The services that we stand on, by name; each check rejects when its service does not answer. */
  readonly services: Readonly<Record<string, () => Promise<void>>>;
  readonly clock: Clock;
}

/** The body of `GET /health`. Times are RFC 3339. */
export interface Health {
  /** `degraded`: clients are served what we have, but GitHub does not answer us; `unhealthy`: a service is down. */
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly services: Readonly<Record<string, "up" | "down">>;
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
      waiting_until: toNullableTimestamp(waitingUntil),
      remaining: rateLimit?.remaining ?? null,
      limit: rateLimit?.limit ?? null,
      reset_at: toNullableTimestamp(rateLimit?.resetAt ?? null),
      last_success_at: toNullableTimestamp(lastSuccessAt),
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

function toNullableTimestamp(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
