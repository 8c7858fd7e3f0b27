import type { Clock } from "../clock.ts";
import { GitHubError } from "../errors.ts";
import { ProblemError } from "./problem.ts";

/** Where GitHub does not say when to come again. */
const RETRY_AFTER_SECONDS = 60;

/** Does what has GitHub asked for a repository, and says in a problem's words why it refused. */
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
    if (isStopping) throw new ProblemError("shutting_down", "Cannot ask GitHub: Runwire stops");
    throw error;
  }
}

function toRepositoryProblem(fullName: string, error: GitHubError, now: number) {
  const { failure, message } = error;
  switch (failure.kind) {
    case "not_accessible":
      return failure.status === 404
        ? new ProblemError("repository_not_found", `Cannot find ${fullName}: ${message}`)
        : new ProblemError("repository_forbidden", `May not read ${fullName}: ${message}`);
    case "unauthorized":
      return new ProblemError(
        "github_unauthorized",
        `Cannot ask GitHub, which does not accept our own credential: ${message}`,
      );
    case "rate_limited":
    case "unavailable":
      return toRetryLaterProblem(error, now);
  }
}

/** What a caller is told when GitHub does not answer now, and when to come again. */
export function toRetryLaterProblem({ failure, message }: GitHubError, now: number): ProblemError {
  if (failure.kind !== "rate_limited") {
    return new ProblemError("github_unavailable", `Cannot reach GitHub: ${message}`, {
      "Retry-After": String(RETRY_AFTER_SECONDS),
    });
  }
  const retryAfterSeconds = failure.retryAt === undefined
    ? RETRY_AFTER_SECONDS
    : Math.max(1, Math.ceil((failure.retryAt - now) / 1_000));
  return new ProblemError("github_rate_limited", `Cannot ask GitHub for now: ${message}`, {
    "Retry-After": String(retryAfterSeconds),
  });
}
