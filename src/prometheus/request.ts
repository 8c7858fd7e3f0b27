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

/** Requests over HTTP. */
export function requestMetrics(exposition: Exposition, requests: RequestSources): void {
  exposition.counter(
    {
      name: "runwire_http_requests_total",
      help: "Requests, by the route as it is defined",
      labels: ["method", "route", "status"],
    },
    () =>
      [...requests.counts].map(({ method, route, status, count }) =>
        [{ method, route, status: String(status) }, count] as const
      ),
  );
  exposition.histogram({
    name: "runwire_http_request_seconds",
    help: "How long it takes until an answer begins",
    labels: ["route"],
  }, () => [...requests.latencies].map(([route, latency]) => [{ route }, latency] as const));
}
