import { type Refusal, RefusedError } from "../errors.ts";
import type { Answer } from "./transport.ts";

/** GitHub's words in our messages: long enough for all it is known to say. */
const MESSAGE_LENGTH = 300;

/** @throws {RefusedError} unless GitHub did what was asked (2xx) */
export function assertAccepted(answer: Answer): void {
  const { to, status } = answer;
  if (status >= 200 && status < 300) return;
  const words = wordsOf(answer.body);
  const message = `GitHub answered ${to} with ${status}${words && `: ${words}`}`;
  throw new RefusedError(refusalOf(answer), message);
}

/**
 * Which refusal a status of 300 and above is. How long to wait comes, in this order, from `Retry-After`, from
 * `x-ratelimit-reset` when nothing remains, or is not said.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */
function refusalOf(answer: Answer): Refusal {
  const { status } = answer;
  if (status === 401) return { kind: "unauthorized" };
  if (status === 403 || status === 429) {
    const limit = limitOf(answer);
    if (limit) return limit;
  }
  if (status === 403 || status === 404 || status === 451) return { kind: "missing", status };
  return status === 422 ? { kind: "unavailable", status } : { kind: "unavailable" };
}

function limitOf(answer: Answer): Refusal | undefined {
  const { status, headers, body } = answer;
  const retryAt = retryAfter(answer) ??
    (headers["x-ratelimit-remaining"] === "0" ? resetAt(answer) : undefined);
  if (retryAt !== undefined) return { kind: "limited", retryAt };
  const isLimit = status === 429 || /rate limit|abuse/i.test(wordsOf(body));
  return isLimit ? { kind: "limited" } : undefined;
}

/** Seconds, or a date: RFC 9110, section 10.2.3. */
function retryAfter(answer: Answer): number | undefined {
  const value = String(answer.headers["retry-after"] ?? "").trim();
  if (/^\d+$/.test(value)) return answer.at + Number(value) * 1_000;
  return ourTime(Date.parse(value), answer);
}

/** When the budget is full again, in ms by our clock; `undefined` where the answer does not say. */
export function resetAt(answer: Answer): number | undefined {
  return ourTime(Number(answer.headers["x-ratelimit-reset"]) * 1_000, answer);
}

/**
 * A time of GitHub's in ms by our clock, which may go wrong: as far from now as it is from the answer's own
 * `Date`. `undefined` when it is no time.
 */
export function ourTime(githubMs: number, { at, headers }: Answer): number | undefined {
  if (!Number.isFinite(githubMs)) return undefined;
  const date = Date.parse(headers.date ?? "");
  return Number.isFinite(date) ? at + githubMs - date : githubMs;
}

function wordsOf(body: unknown): string {
  const isObject = typeof body === "object" && body !== null;
  if (!isObject || !("message" in body) || typeof body.message !== "string") return "";
  return body.message.replaceAll(/\s+/g, " ").trim().slice(0, MESSAGE_LENGTH);
}
