import type { LatencyHistogram } from "../latency_histogram.ts";
import type { Exposition } from "./exposition.ts";

export interface ServiceSources {
  /** The state of each service, by name. */
  readonly services: () => Promise<Readonly<Record<string, "up" | "down">>>;
  readonly database: {
    readonly latencies: { readonly read: LatencyHistogram; readonly write: LatencyHistogram };
  };
  /** `undefined` if Redis is not configured. */
  readonly redis: { readonly latency: LatencyHistogram } | undefined;
}

/** The database and Redis. */
export function serviceMetrics(exposition: Exposition, sources: ServiceSources): void {
  const { services, database: { latencies: { read, write } }, redis } = sources;
  exposition.gauge({
    name: "runwire_service_up",
    help: "1 if the service responds, 0 otherwise, as in /health",
    labels: ["service"],
  }, async () =>
    Object.entries(await services())
      .map(([service, state]) => [{ service }, state === "up" ? 1 : 0] as const));
  exposition.histogram({
    name: "runwire_database_seconds",
    help: "Duration of reads and transactions, including queueing",
    labels: ["operation"],
  }, () => [[{ operation: "read" }, read], [{ operation: "write" }, write]]);
  exposition.histogram({
    name: "runwire_redis_seconds",
    help: "Duration of Redis commands",
  }, () => redis ? redis.latency : []);
}
