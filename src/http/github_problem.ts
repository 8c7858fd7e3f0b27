import type { Clock } from "../clock.ts";
import { GitHubError } from "../errors.ts";
import { ProblemError, toProblemError } from "./problem.ts";

/** If GitHub sends no time to retry. */
const RETRY_AFTER_SECONDS = 60;

/** Runs an action on a repository and converts failures of GitHub to problems. */
export async function withGitHubProblems<T>(
  fullName: string,
  run: () => Promise<T>,
  { clock }: { readonly clock: Clock },
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof GitHubError) throw toRepositoryProblem(fullName, error, clock.now());
    const isStopping = error instanceof DOMException && error.name === "AbortError";
    if (isStopping) throw toProblemError("shutting_down");
    throw error;
  }
}

function toRepositoryProblem(fullName: string, error: GitHubError, now: number) {
  const { failure, message } = error;
  switch (failure.kind) {
    case "not_accessible":
      return failure.status === 404
        ? new ProblemError("repository_not_found", `Repository ${fullName} not found: ${message}`)
        : new ProblemError("repository_forbidden", `Access to ${fullName} denied: ${message}`);
    case "unauthorized":
      return new ProblemError(
        "github_unauthorized",
        `GitHub rejected Runwire's credentials: ${message}`,
      );
    case "rate_limited":
    case "unavailable":
      return toRetryLaterProblem(error, now);
  }
}

/** The problem of a request that can be retried, with `Retry-After`. `now` in ms since the epoch. */
export function toRetryLaterProblem({ failure, message }: GitHubError, now: number): ProblemError {
  if (failure.kind !== "rate_limited") {
    return new ProblemError("github_unavailable", `GitHub is unavailable: ${message}`, {
      "Retry-After": String(RETRY_AFTER_SECONDS),
    });
  }
  const retryAfterSeconds = failure.retryAt === undefined
    ? RETRY_AFTER_SECONDS
    : Math.max(1, Math.ceil((failure.retryAt - now) / 1_000));
  return new ProblemError("github_rate_limited", `GitHub rate limit reached: ${message}`, {
    "Retry-After": String(retryAfterSeconds),
  });
}
