import type { ContentfulStatusCode } from "hono/utils/http-status";

export interface ProblemKind {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  /** The sentence of a problem that always has the same one. */
  readonly detail?: string;
  /** A sentence for the API reference, where it depends on the request. */
  readonly example?: string;
}

/** Every error that a client can receive, by its code. The codes are stable. */
export const PROBLEMS = {
  invalid_parameter: {
    status: 400,
    title: "Invalid parameter",
    example: 'Invalid page "0": expected an integer from 1 to 10000',
  },
  invalid_header: {
    status: 400,
    title: "Invalid header",
    example: "Missing X-GitHub-Delivery: expected a GUID",
  },
  invalid_body: {
    status: 400,
    title: "Invalid body",
    example: "Missing full_name: expected owner/name",
  },
  login_expired: {
    status: 400,
    title: "Sign-in expired",
    example: "Sign-in expired or was started in another browser; try again",
  },
  return_path_invalid: {
    status: 400,
    title: "Invalid return path",
    example: 'Invalid return_to "//example.com": expected a local path, such as /',
  },
  invalid_signature: {
    status: 401,
    title: "Invalid signature",
    example:
      "Invalid X-Hub-Signature-256: expected the signature of the body with the webhook secret",
  },
  unauthenticated: {
    status: 401,
    title: "Not authenticated",
    example:
      "Not authenticated: sign in with POST /login or send an API key as Authorization: Bearer",
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    example: 'Permission "write" is required to POST /repositories',
  },
  login_denied: {
    status: 403,
    title: "Sign-in cancelled",
    example: "Sign-in was cancelled: you did not authorize Runwire on GitHub",
  },
  login_refused: {
    status: 403,
    title: "Sign-in rejected",
    example: "GitHub did not confirm the sign-in; try again",
  },
  organization_required: {
    status: 403,
    title: "Organization membership required",
    example: "You are not a member of an allowed organization",
  },
  origin_not_allowed: {
    status: 403,
    title: "Origin not allowed",
    example:
      "The origin of the page is not allowed; add it to ALLOWED_ORIGINS, or set PUBLIC_URL to its host",
  },
  repository_forbidden: {
    status: 403,
    title: "Repository access denied",
    example: "Access to octo/app denied: GitHub answered with 403",
  },
  repository_not_found: {
    status: 404,
    title: "Repository not found",
    example: "Repository octo/app not found: GitHub answered with 404",
  },
  not_found: { status: 404, title: "Not found", example: "Run 7 not found" },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    example: "Method PUT is not allowed on /runs: expected GET",
  },
  request_timeout: {
    status: 408,
    title: "Request timeout",
    example: "The payload did not arrive within 10 s",
  },
  already_followed: {
    status: 409,
    title: "Already followed",
    example: "octo/app is already followed",
  },
  last_admin: {
    status: 409,
    title: "Last admin",
    example: "User 7 is the last admin; promote another user first",
  },
  payload_too_large: {
    status: 413,
    title: "Payload too large",
    example: "Payload too large: the limit is 65536 bytes",
  },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    example: 'Invalid Content-Type "text/plain": expected application/json',
  },
  upgrade_required: {
    status: 426,
    title: "Upgrade required",
    detail: "/ws only accepts WebSocket connections",
  },
  rate_limited: {
    status: 429,
    title: "Rate limit exceeded",
    example: "Rate limit exceeded: 50 requests per second, bursts of up to 200",
  },
  internal: {
    status: 500,
    title: "Internal error",
    example: "Internal error; see request 4ff2f0c6-7d8d-4e6a-9d0a-1d2c5f7f2f4b in the log",
  },
  github_unauthorized: {
    status: 502,
    title: "GitHub rejected the credentials",
    example: "GitHub rejected Runwire's credentials: GitHub answered with 401",
  },
  github_rate_limited: {
    status: 503,
    title: "GitHub rate limit reached",
    example: "GitHub rate limit reached: GitHub answered with 429",
  },
  github_unavailable: {
    status: 503,
    title: "GitHub unavailable",
    example: "GitHub is unavailable: GitHub answered with 502",
  },
  shutting_down: { status: 503, title: "Shutting down", detail: "Runwire is shutting down; retry" },
  too_many_connections: {
    status: 503,
    title: "Too many connections",
    example: "Too many connections: the limit is 20000",
  },
  overloaded: {
    status: 503,
    title: "Overloaded",
    detail: "Too many uploads in progress; retry later",
  },
  login_not_configured: {
    status: 503,
    title: "Sign-in not configured",
    detail:
      "Sign-in requires GITHUB_OAUTH_CLIENT_ID, GITHUB_OAUTH_CLIENT_SECRET and SESSION_SECRET",
  },
  webhook_secret_missing: {
    status: 503,
    title: "Webhook secret missing",
    detail: "Deliveries cannot be verified: set GITHUB_WEBHOOK_SECRET to the secret of the webhook",
  },
  storage_unavailable: {
    status: 503,
    title: "Storage unavailable",
    detail: "Storage is unavailable; retry later",
  },
  storage_full: { status: 507, title: "Storage full", detail: "Storage is full" },
} as const satisfies Record<string, ProblemKind>;
