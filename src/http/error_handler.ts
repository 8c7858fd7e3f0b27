import type { ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { LoginError } from "../account/login_error.ts";
import { TokenRejectedError } from "../account/oauth_provider.ts";
import type { Clock } from "../clock.ts";
import { GitHubError, StorageError } from "../errors.ts";
import { log } from "../log.ts";
import { MessageError } from "../message/sender.ts";
import type { RequestEnvironment } from "./api.ts";
import { unauthenticatedProblem } from "./auth.ts";
import { ProblemError, problemResponse } from "./problem.ts";
import { toRetryLaterProblem } from "./github_problem.ts";

const RETRY_AFTER_SECONDS = 30;

/** Answers what a route has thrown: with a problem that says what to do, and no more than that. */
export function createErrorHandler(clock: Clock): ErrorHandler<RequestEnvironment> {
  const logger = log("http");
  return (error, context) => {
    const failure = toProblem(error, clock.now());
    if (failure) {
      return problemResponse(context, failure.code, {
        detail: failure.message,
        headers: failure.headers,
      });
    }
    logger.error("{method} {path} of request {id} failed: {kind}", {
      method: context.req.method,
      path: context.req.path,
      id: context.get("requestId"),
      ...toErrorFields(error),
    });
    return problemResponse(context, "internal", {
      detail: `Cannot answer: look for request ${context.get("requestId")} in the log`,
    });
  };
}

/** What a client is told of an error; `undefined` when that is nobody's business. `now` in ms since the epoch. */
export function toProblem(error: Error, now: number): ProblemError | undefined {
  if (error instanceof ProblemError) return error;
  if (error instanceof StorageError) return toStorageProblem(error);
  if (error instanceof GitHubError) return toRetryLaterProblem(error, now);
  if (error instanceof MessageError) {
    return new ProblemError(
      error.code === "forbidden" ? "forbidden" : "invalid_body",
      error.message,
    );
  }
  if (error instanceof LoginError) return new ProblemError(error.code, error.message);
  if (error instanceof TokenRejectedError) {
    return unauthenticatedProblem("GitHub does not accept your login any more: sign in again");
  }
  // What @hono/zod-openapi throws at a body.
  if (!(error instanceof HTTPException)) return undefined;
  switch (error.status) {
    case 400:
      return new ProblemError("invalid_body", "Cannot read the body: allowed is JSON");
    case 415:
      return new ProblemError(
        "unsupported_media_type",
        "Cannot take the body: allowed is Content-Type: application/json",
      );
    default:
      return undefined;
  }
}

/** What is logged of an error: not its message, which may hold what a client sent. */
export function toErrorFields({ name, stack }: Error) {
  return { kind: name, at: stack?.split("\n").filter((line) => /^\s+at /.test(line)) };
}

/** Never a success: GitHub keeps what we could not take for three days, and can be asked for it. */
function toStorageProblem({ kind }: StorageError): ProblemError {
  if (kind === "full") {
    return new ProblemError("storage_full", "Cannot keep anything: no room is left");
  }
  return new ProblemError("storage_unavailable", "Cannot answer: the storage does not answer", {
    "Retry-After": String(RETRY_AFTER_SECONDS),
  });
}
