import { deliveryMetrics, type DeliverySources } from "./delivery.ts";
import type { EventLoopDelay } from "./event_loop_delay.ts";
import { Exposition } from "./exposition.ts";
import { gitHubMetrics, type GitHubSources } from "./github.ts";
import { liveMetrics, type LiveSources } from "./live.ts";
import { processMetrics } from "./process.ts";
import { requestMetrics, type RequestSources } from "./request.ts";
import { runMetrics, type RunSources } from "./run.ts";
import { serviceMetrics, type ServiceSources } from "./service.ts";

interface MetricSources {
  readonly live: LiveSources;
  readonly requests: RequestSources;
  readonly deliveries: DeliverySources;
  readonly github: GitHubSources;
  readonly run: RunSources;
  readonly services: ServiceSources;
  readonly process: {
    readonly eventLoopDelay: EventLoopDelay;
    readonly version: string;
    readonly database: "sqlite" | "postgres";
  };
}

/** All metrics of the program. */
export function createMetrics(sources: MetricSources): Exposition {
  const exposition = new Exposition();
  liveMetrics(exposition, sources.live);
  requestMetrics(exposition, sources.requests);
  deliveryMetrics(exposition, sources.deliveries);
  gitHubMetrics(exposition, sources.github);
  runMetrics(exposition, sources.run);
  serviceMetrics(exposition, sources.services);
  processMetrics(exposition, sources.process);
  return exposition;
}
