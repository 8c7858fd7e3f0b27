import type { BodyReaderOptions, BodyReadError } from "./body.ts";
import { ProblemError } from "./problem.ts";

const RETRY_AFTER_SECONDS = 30;

/** What follows on the connection is the rest of a body that nobody wants: it is closed. */
export function toBodyProblem(
  error: BodyReadError,
  { maxBytes, timeoutMs: limitMs }: Pick<BodyReaderOptions, "maxBytes" | "timeoutMs">,
): ProblemError {
  const headers = { Connection: "close" };
  switch (error) {
    case "too_large":
      return new ProblemError(
        "payload_too_large",
        `Cannot take the payload: ${maxBytes} bytes are allowed`,
        headers,
      );
    case "too_slow":
      return new ProblemError(
        "request_timeout",
        `Cannot wait for the payload: it must be here within ${limitMs / 1_000} s`,
        headers,
      );
    case "cut_off":
      return new ProblemError("invalid_body", "The body ended too early", headers);
    case "overloaded":
      return new ProblemError("overloaded", "Cannot take the payload: too many are under way", {
        ...headers,
        "Retry-After": String(RETRY_AFTER_SECONDS),
      });
  }
}
