/** An error of the simulated GitHub: a status, a JSON body, and additional headers. */
export interface ErrorResponse {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const DOCS = "https://docs.github.com/rest";
const LIMITS = `${DOCS}/using-the-rest-api/rate-limits-for-the-rest-api`;

export function createError(
  status: number,
  message: string,
  documentation_url = DOCS,
): ErrorResponse {
  return { status, body: { message, documentation_url, status: String(status) } };
}

export function toResponse({ status, body, headers }: ErrorResponse): Response {
  return Response.json(body, { status, headers: headers ?? {} });
}

export function notFound(): ErrorResponse {
  return createError(404, "Not Found");
}

export function movedPermanently(url: string): ErrorResponse {
  const body = { message: "Moved Permanently", url, documentation_url: DOCS };
  return { status: 301, body, headers: { location: url } };
}

export function badCredentials(): ErrorResponse {
  return createError(401, "Bad credentials");
}

export function undecodableJwt(): ErrorResponse {
  return createError(401, "A JSON web token could not be decoded");
}

export function unsupportedVersion(version: string, supported: readonly string[]): ErrorResponse {
  const names = supported.map((name, i) => i === 0 ? `"${name}" (most recent)` : `"${name}"`).join(
    " and ",
  );
  const errors =
    `The version you specified in the "X-GitHub-API-Version" request header, "${version}", ` +
    `is not a supported version. The following versions are currently supported: ${names}.`;
  return {
    status: 400,
    body: { message: "Bad Request", errors, documentation_url: DOCS, status: "400" },
  };
}

/** The hourly rate limit is exhausted. */
export function primaryLimitExceeded(label: string, requestId: string): ErrorResponse {
  return createError(
    403,
    `API rate limit exceeded for ${label}. ${supportHint(requestId)}`,
    LIMITS,
  );
}

export interface SecondaryLimit {
  /** Default 403. */
  readonly status?: 403 | 429;
  /** Seconds; without it the response has no `Retry-After`. */
  readonly retryAfter?: number;
}

/** Too many requests in a short time: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
export function secondaryLimitExceeded(
  { status = 403, retryAfter }: SecondaryLimit,
  requestId: string,
): ErrorResponse {
  const message =
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. " +
    supportHint(requestId);
  const response = createError(status, message, `${LIMITS}#about-secondary-rate-limits`);
  return retryAfter === undefined
    ? response
    : { ...response, headers: { "retry-after": String(retryAfter) } };
}

/** The response for an existing but inaccessible repository. */
export function repositoryBlocked(status: 403 | 404 | 451): ErrorResponse {
  if (status === 404) return notFound();
  if (status === 403) return createError(403, "Resource not accessible by personal access token");
  return {
    status,
    body: {
      message: "Repository access blocked",
      block: {
        reason: "dmca",
        created_at: "2026-01-01T00:00:00Z",
        html_url: "https://github.com/github/dmca",
      },
    },
  };
}

function supportHint(requestId: string): string {
  return `If you reach out to GitHub Support for help, please include the request ID ${requestId}.`;
}
