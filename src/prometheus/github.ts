import type { GitHubRateLimit } from "../run/github_rate_limit.ts";
import type { Exposition } from "./exposition.ts";

export interface GitHubSources {
  readonly rateLimit: GitHubRateLimit | undefined;
  readonly requests: number;
  readonly notModified: number;
}

/** Requests to GitHub with Runwire's own credential. */
export function gitHubMetrics(exposition: Exposition, github: GitHubSources): void {
  exposition.counter({
    name: "runwire_github_requests_total",
    help: "Requests that were sent to GitHub",
  }, () => github.requests);
  exposition.counter({
    name: "runwire_github_not_modified_total",
    help: "Those of them that GitHub has answered with 304, which cost nothing of the rate limit",
  }, () => github.notModified);
  exposition.gauge({
    name: "runwire_github_rate_limit",
    help: "What GitHub's rate limit allows in an hour",
  }, () => github.rateLimit?.limit);
  exposition.gauge({
    name: "runwire_github_rate_remaining",
    help: "What is left of it, as last heard",
  }, () => github.rateLimit?.remaining);
  exposition.gauge({
    name: "runwire_github_rate_reset_timestamp_seconds",
    help: "When it is full again, in seconds since the epoch",
  }, () => github.rateLimit && github.rateLimit.resetAt / 1_000);
}
