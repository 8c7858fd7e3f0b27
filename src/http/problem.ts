import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** Every error that a client can get, with its status. The codes are stable. */
const PROBLEMS = {
  bad_parameter: [400, "Bad parameter"],
  origin_not_allowed: [403, "Origin not allowed"],
  not_found: [404, "Not found"],
  method_not_allowed: [405, "Method not allowed"],
  upgrade_required: [426, "Upgrade required"],
  internal: [500, "Internal error"],
  stopping: [503, "Stopping"],
  too_many_connections: [503, "Too many connections"],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** An error as RFC 9457 has it: `{"title","status","detail","code"}`. */
export function problem(
  context: Context,
  code: ProblemCode,
  { detail, headers = {} }: { detail: string; headers?: Record<string, string> },
): Response {
  const [status, title] = PROBLEMS[code];
  return context.body(JSON.stringify({ title, status, detail, code }), status, {
    "Content-Type": "application/problem+json",
    ...headers,
  });
}
