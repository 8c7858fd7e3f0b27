import type { ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { LoginError } from "../account/login.ts";
import { TokenRejectedError } from "../account/oauth_provider.ts";
import type { Clock } from "../clock.ts";
import { invalid } from "../error_text.ts";
import { GitHubError, StorageError } from "../errors.ts";
import { log } from "../log.ts";
import { MessageError } from "../message/sender.ts";
import type { RequestEnvironment } from "./api.ts";
import { unauthenticatedProblem } from "./auth.ts";
import { toRetryLaterProblem } from "./github_problem.ts";
import { ProblemError, problemResponse, toProblemError } from "./problem.ts";

const RETRY_AFTER_SECONDS = 30;

/** Sends the problem of an error that a handler threw; unexpected errors are logged and sent without details. */
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
      detail: `Internal error; see request ${context.get("requestId")} in the log`,
    });
  };
}

/** The problem of an error; `undefined` for unexpected errors. `now` in ms since the epoch. */
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
    return unauthenticatedProblem("GitHub no longer accepts your sign-in: sign in again");
  }
  // @hono/zod-openapi throws these for bodies.
  if (!(error instanceof HTTPException)) return undefined;
  switch (error.status) {
    case 400:
      return new ProblemError("invalid_body", invalid("body", "JSON"));
    case 415:
      return new ProblemError(
        "unsupported_media_type",
        invalid("Content-Type", "application/json"),
      );
    default:
      return undefined;
  }
}

/** The fields that are logged of an error. Its message is omitted, because it may contain input of a client. */
export function toErrorFields({ name, stack }: Error) {
  return { kind: name, at: stack?.split("\n").filter((line) => /^\s+at /.test(line)) };
}

function toStorageProblem({ kind }: StorageError): ProblemError {
  if (kind === "full") {
    return toProblemError("storage_full");
  }
  return toProblemError("storage_unavailable", { "Retry-After": String(RETRY_AFTER_SECONDS) });
}
