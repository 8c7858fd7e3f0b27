import type { MiddlewareHandler } from "hono";
import type { Clock } from "../clock.ts";
import { BodyReader } from "./body.ts";
import { toBodyProblem } from "./body_problem.ts";
import { ProblemError } from "./problem.ts";

/** Many times what any of our routes asks for. */
const LIMITS = { maxBytes: 64 * 1024, timeoutMs: 10_000, maxHeldBytes: 16 * 1024 * 1024 };

/** No form of a foreign page can send it without asking first: https://fetch.spec.whatwg.org/#cors-safelisted-request-header */
const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** Reads bodies within limits, and takes JSON alone. */
export function readJsonBody(clock: Clock): MiddlewareHandler {
  const reader = new BodyReader({ clock, ...LIMITS });
  return async (context, next) => {
    const request = context.req.raw;
    const type = request.headers.get("content-type") ?? "";
    if (!JSON_TYPE.test(type)) {
      throw new ProblemError(
        "unsupported_media_type",
        `Cannot take Content-Type="${type}": allowed is application/json`,
      );
    }
    const body = await reader.read(request);
    if (typeof body === "string") throw toBodyProblem(body, LIMITS);
    const { method, headers } = request;
    context.req.raw = new Request(request.url, { method, headers, body: body.slice() });
    await next();
  };
}
