import type { LatencyHistogram } from "../latency_histogram.ts";
import type { Exposition } from "./exposition.ts";

export interface ServiceSources {
  /** How each service is, by its name. */
  readonly services: () => Promise<Readonly<Record<string, "up" | "down">>>;
  readonly database: {
    readonly latencies: { readonly read: LatencyHistogram; readonly write: LatencyHistogram };
  };
  /** `undefined` where there is none. */
  readonly redis: { readonly latency: LatencyHistogram } | undefined;
}

/** What we stand on. */
export function serviceMetrics(exposition: Exposition, sources: ServiceSources): void {
  const { services, database: { latencies: { read, write } }, redis } = sources;
  exposition.gauge({
    name: "runwire_service_up",
    help: "1 for a service that answers, 0 for one that does not, as /health has it",
    labels: ["service"],
  }, async () =>
    Object.entries(await services())
      .map(([service, state]) => [{ service }, state === "up" ? 1 : 0] as const));
  exposition.histogram({
    name: "runwire_database_seconds",
    help: "How long reads and transactions take, with their wait",
    labels: ["operation"],
  }, () => [[{ operation: "read" }, read], [{ operation: "write" }, write]]);
  exposition.histogram({
    name: "runwire_redis_seconds",
    help: "How long Redis takes to answer",
  }, () => redis ? redis.latency : []);
}
