import type { LatencyHistogram } from "../latency_histogram.ts";
import type { Exposition } from "./exposition.ts";

export interface RequestSources {
  readonly counts: Iterable<
    {
      readonly method: string;
      readonly route: string;
      readonly status: number;
      readonly count: number;
    }
  >;
  /** By route. */
  readonly latencies: ReadonlyMap<string, LatencyHistogram>;
}

/** HTTP requests. */
export function requestMetrics(exposition: Exposition, requests: RequestSources): void {
  exposition.counter(
    {
      name: "runwire_http_requests_total",
      help: "HTTP requests, by route pattern",
      labels: ["method", "route", "status"],
    },
    () =>
      [...requests.counts].map(({ method, route, status, count }) =>
        [{ method, route, status: String(status) }, count] as const
      ),
  );
  exposition.histogram({
    name: "runwire_http_request_seconds",
    help: "Time to the start of the response",
    labels: ["route"],
  }, () => [...requests.latencies].map(([route, latency]) => [{ route }, latency] as const));
}
