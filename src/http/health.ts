import type { Clock } from "../clock.ts";
import type { GitHubRateLimit } from "../run/github_rate_limit.ts";
import type { PollerStatus } from "../run/polling/poller.ts";

/** A service that does not answer within this time is down. */
const CHECK_LIMIT_MS = 1_000;

export interface HealthSources {
  readonly poller: { readonly status: PollerStatus };
  readonly budget: () => GitHubRateLimit | undefined;
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
export async function health(sources: HealthSources): Promise<Health> {
  const { state, waitingUntil, lastSuccessAt } = sources.poller.status;
  const left = sources.budget();
  const services = await checkAll(sources);
  const isCutOff = state === "unauthorized" || state === "unreachable";
  const isDown = Object.values(services).includes("down");
  return {
    status: isDown ? "unhealthy" : isCutOff ? "degraded" : "healthy",
    services,
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

async function checkAll({ services, clock }: HealthSources): Promise<Health["services"]> {
  const limit = new AbortController();
  const late = clock.sleep(CHECK_LIMIT_MS, limit.signal).then(() => "down" as const);
  const states = await Promise.all(
    Object.entries(services).map(async ([name, check]) => {
      const answer = check().then(() => "up" as const, () => "down" as const);
      return [name, await Promise.race([answer, late])] as const;
    }),
  );
  limit.abort();
  return Object.fromEntries(states);
}

function timestamp(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
