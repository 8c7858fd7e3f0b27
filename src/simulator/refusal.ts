/** How the simulated GitHub says no: a status, its JSON body, and headers of its own. */
export interface Refusal {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const DOCS = "https://docs.github.com/rest";
const LIMITS = `${DOCS}/using-the-rest-api/rate-limits-for-the-rest-api`;

export function refuse(status: number, message: string, documentation_url = DOCS): Refusal {
  return { status, body: { message, documentation_url, status: String(status) } };
}

/** The answer that says so. */
export function answer({ status, body, headers }: Refusal): Response {
  return Response.json(body, { status, headers: headers ?? {} });
}

export function notFound(): Refusal {
  return refuse(404, "Not Found");
}

/** Has another address now. */
export function movedTo(url: string): Refusal {
  const body = { message: "Moved Permanently", url, documentation_url: DOCS };
  return { status: 301, body, headers: { location: url } };
}

export function badCredentials(): Refusal {
  return refuse(401, "Bad credentials");
}

export function undecodableJwt(): Refusal {
  return refuse(401, "A JSON web token could not be decoded");
}

export function unsupportedVersion(version: string, supported: readonly string[]): Refusal {
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

/** The hourly limit is used up. */
export function primaryLimit(who: string, requestId: string): Refusal {
  return refuse(403, `API rate limit exceeded for ${who}. ${support(requestId)}`, LIMITS);
}

export interface SecondaryLimit {
  /** 403 unless told otherwise. */
  readonly status?: 403 | 429;
  /** Seconds; `Retry-After` is left out when not given. */
  readonly retryAfter?: number;
}

/** Too much in a short time: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
export function secondaryLimit(
  { status = 403, retryAfter }: SecondaryLimit,
  requestId: string,
): Refusal {
  const message =
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. " +
    support(requestId);
  const refusal = refuse(status, message, `${LIMITS}#about-secondary-rate-limits`);
  return retryAfter === undefined
    ? refusal
    : { ...refusal, headers: { "retry-after": String(retryAfter) } };
}

/** How a repository answers that exists but cannot be had. */
export function blocked(status: 403 | 404 | 451): Refusal {
  if (status === 404) return notFound();
  if (status === 403) return refuse(403, "Resource not accessible by personal access token");
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

function support(requestId: string): string {
  return `If you reach out to GitHub Support for help, please include the request ID ${requestId}.`;
}
