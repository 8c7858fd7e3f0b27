import type { GitHubRateLimit } from "../run/github_rate_limit.ts";
import type { Exposition } from "./exposition.ts";

export interface GitHubSources {
  readonly rateLimit: GitHubRateLimit | undefined;
  readonly requests: number;
  readonly notModified: number;
}

/** Requests to GitHub with Runwire's credential. */
export function gitHubMetrics(exposition: Exposition, github: GitHubSources): void {
  exposition.counter({
    name: "runwire_github_requests_total",
    help: "Requests sent to GitHub",
  }, () => github.requests);
  exposition.counter({
    name: "runwire_github_not_modified_total",
    help: "Requests that GitHub answered with 304, which do not count against the rate limit",
  }, () => github.notModified);
  exposition.gauge({
    name: "runwire_github_rate_limit",
    help: "GitHub's rate limit, in requests per hour",
  }, () => github.rateLimit?.limit);
  exposition.gauge({
    name: "runwire_github_rate_remaining",
    help: "Remaining requests of the rate limit, as last reported",
  }, () => github.rateLimit?.remaining);
  exposition.gauge({
    name: "runwire_github_rate_reset_timestamp_seconds",
    help: "Reset time of the rate limit, in Unix seconds",
  }, () => github.rateLimit && github.rateLimit.resetAt / 1_000);
}
