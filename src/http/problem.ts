import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** Every error that a client can get, with its status. The codes are stable. */
const PROBLEMS = {
  invalid_parameter: [400, "Bad parameter"],
  invalid_header: [400, "Bad header"],
  invalid_body: [400, "Bad body"],
  login_expired: [400, "Login expired"],
  return_path_invalid: [400, "Return path invalid"],
  invalid_signature: [401, "Bad signature"],
  unauthenticated: [401, "Not signed in"],
  forbidden: [403, "Forbidden"],
  login_denied: [403, "Login denied"],
  login_refused: [403, "Login refused"],
  organization_required: [403, "Organization required"],
  origin_not_allowed: [403, "Origin not allowed"],
  repository_forbidden: [403, "Repository forbidden"],
  repository_not_found: [404, "Repository not found"],
  not_found: [404, "Not found"],
  method_not_allowed: [405, "Method not allowed"],
  request_timeout: [408, "Payload too slow"],
  already_followed: [409, "Already followed"],
  last_admin: [409, "Last admin"],
  payload_too_large: [413, "Payload too large"],
  unsupported_media_type: [415, "Unsupported media type"],
  upgrade_required: [426, "Upgrade required"],
  rate_limited: [429, "Too many requests"],
  internal: [500, "Internal error"],
  github_unauthorized: [502, "GitHub does not accept us"],
  github_rate_limited: [503, "GitHub limits us"],
  github_unavailable: [503, "GitHub unavailable"],
  shutting_down: [503, "Shutting down"],
  too_many_connections: [503, "Too many connections"],
  overloaded: [503, "Too busy"],
  login_not_configured: [503, "Login not configured"],
  webhook_secret_missing: [503, "Webhook secret missing"],
  storage_unavailable: [503, "Storage unavailable"],
  storage_full: [507, "Storage full"],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Ends a request with a problem; the server answers it. */
export class ProblemError extends Error {
  override readonly name: string = "ProblemError";

  constructor(
    readonly code: ProblemCode,
    detail: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }
}

export function problemStatus(code: ProblemCode): ContentfulStatusCode {
  return PROBLEMS[code][0];
}

export function problemTitle(code: ProblemCode): string {
  return PROBLEMS[code][1];
}

/** An error as RFC 9457 has it: `{"title","status","detail","code"}`. */
export function problemResponse(
  context: Context,
  code: ProblemCode,
  { detail, headers = {} }: { detail: string; headers?: Readonly<Record<string, string>> },
): Response {
  const [status, title] = PROBLEMS[code];
  return context.body(JSON.stringify({ title, status, detail, code }), status, {
    "Content-Type": "application/problem+json",
    ...headers,
  });
}
