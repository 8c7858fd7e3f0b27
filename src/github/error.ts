import { GitHubError, type GitHubFailure } from "../errors.ts";
import type { GitHubResponse } from "./transport.ts";

/** Limit for the part of an error message that comes from GitHub. */
const MAX_MESSAGE_LENGTH = 300;

/** @throws {GitHubError} unless the status is 2xx */
export function assertOk(response: GitHubResponse): void {
  const { endpoint, status } = response;
  if (status >= 200 && status < 300) return;
  const detail = parseMessage(response.body);
  const message = `GitHub answered ${endpoint} with ${status}${detail && `: ${detail}`}`;
  throw new GitHubError(toFailure(response), message);
}

/**
 * Classifies a response with a status from 300. The retry time comes from `Retry-After`, or from `x-ratelimit-reset` if no
 * requests remain; otherwise it is unknown.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */
function toFailure(response: GitHubResponse): GitHubFailure {
  const { status } = response;
  if (status === 401) return { kind: "unauthorized" };
  if (status === 403 || status === 429) {
    const rateLimitFailure = toRateLimitFailure(response);
    if (rateLimitFailure) return rateLimitFailure;
  }
  if (status === 403 || status === 404 || status === 451) return { kind: "not_accessible", status };
  return status === 422 ? { kind: "unavailable", status } : { kind: "unavailable" };
}

function toRateLimitFailure(response: GitHubResponse): GitHubFailure | undefined {
  const { status, headers, body } = response;
  const retryAt = parseRetryAfter(response) ??
    (headers["x-ratelimit-remaining"] === "0" ? parseResetTime(response) : undefined);
  if (retryAt !== undefined) return { kind: "rate_limited", retryAt };
  const isLimit = status === 429 || /rate limit|abuse/i.test(parseMessage(body));
  return isLimit ? { kind: "rate_limited" } : undefined;
}

/** Reads seconds or a date: RFC 9110, section 10.2.3. */
function parseRetryAfter(response: GitHubResponse): number | undefined {
  const value = String(response.headers["retry-after"] ?? "").trim();
  if (/^\d+$/.test(value)) return response.receivedAt + Number(value) * 1_000;
  return toLocalTime(Date.parse(value), response);
}

/** When the rate limit resets, in ms since the epoch by the local clock; `undefined` if the response does not say. */
export function parseResetTime(response: GitHubResponse): number | undefined {
  return toLocalTime(Number(response.headers["x-ratelimit-reset"]) * 1_000, response);
}

/**
 * Converts a time of GitHub to the local clock, which may be wrong, by means of the response's `Date` header. Returns
 * `undefined` for an invalid time.
 */
export function toLocalTime(
  githubMs: number,
  { receivedAt, headers }: GitHubResponse,
): number | undefined {
  if (!Number.isFinite(githubMs)) return undefined;
  const date = Date.parse(headers.date ?? "");
  return Number.isFinite(date) ? receivedAt + githubMs - date : githubMs;
}

function parseMessage(body: unknown): string {
  const isObject = typeof body === "object" && body !== null;
  if (!isObject || !("message" in body) || typeof body.message !== "string") return "";
  return body.message.replaceAll(/\s+/g, " ").trim().slice(0, MAX_MESSAGE_LENGTH);
}
