import { createHash } from "node:crypto";
import type { Hono } from "hono";
import type { Credential, Credentials } from "./credentials.ts";
import { rateLimitHeaders, type RateLimits } from "./rate_limits.ts";
import { AUTHENTICATION_REQUIRED, GraphQL, graphqlLimit } from "./graphql.ts";
import type { Hooks } from "./hooks.ts";
import type { OAuth } from "./oauth.ts";
import {
  primaryLimit,
  type Refusal,
  type SecondaryLimit,
  secondaryLimit,
  unsupportedVersion,
} from "./refusal.ts";
import { type Caller, routes } from "./routes.ts";
import type { RunIndex } from "./run_index.ts";
import type { World } from "./world.ts";

/** An answer, and whether it was charged to the primary rate limit. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | null;
  readonly spent: boolean;
}

/** https://docs.github.com/en/rest/about-the-rest-api/api-versions, the most recent first. */
const VERSIONS = ["2026-03-10", "2022-11-28"];
const DEFAULT_VERSION = "2022-11-28";
const VARY = "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, X-Requested-With";
/** The second is that of a GitHub Enterprise Server: https://docs.github.com/en/enterprise-server/graphql/guides/forming-calls-with-graphql */
const GRAPHQL_PATHS = ["/graphql", "/api/graphql"];
const JSON_TYPE = "application/json; charset=utf-8";

/** Everything that GitHub does around a route: who asks, what it costs, what has not changed. */
export class Api {
  readonly #credentials: Credentials;
  readonly #rateLimits: RateLimits;
  readonly #graphqlLimits: RateLimits;
  readonly #routes: Hono<{ Bindings: Caller }>;
  readonly #graphql: GraphQL;
  readonly #login: string;

  constructor({ graphqlLimits, ...parts }: {
    readonly world: World;
    readonly hooks: Hooks;
    readonly index: RunIndex;
    readonly oauth: OAuth;
    readonly credentials: Credentials;
    readonly rateLimits: RateLimits;
    readonly graphqlLimits: RateLimits;
    readonly login: string;
  }) {
    this.#credentials = parts.credentials;
    this.#rateLimits = parts.rateLimits;
    this.#graphqlLimits = graphqlLimits;
    this.#routes = routes(parts);
    this.#graphql = new GraphQL(parts.world);
    this.#login = parts.login;
  }

  /** As GitHub answers, or as it does when `tooFast` says that the secondary limit was exceeded. */
  async answer(request: Request, { requestId, tooFast }: {
    readonly requestId: string;
    readonly tooFast: SecondaryLimit | undefined;
  }): Promise<Answer> {
    const version = request.headers.get("x-github-api-version") ?? DEFAULT_VERSION;
    if (!VERSIONS.includes(version)) return refused(unsupportedVersion(version, VERSIONS));
    const credential = this.#credentials.identify(request.headers.get("authorization"));
    if ("status" in credential) return refused(credential);
    const { pathname, origin } = new URL(request.url);
    if (request.method === "POST" && GRAPHQL_PATHS.includes(pathname)) {
      return await this.#query(await request.text(), { credential, origin, requestId, tooFast });
    }
    const free = pathname.endsWith("/rate_limit");
    const before = this.#rateLimits.of(credential);
    if (!free && before.remaining === 0) {
      return refused(primaryLimit(credential.holder, requestId), rateLimitHeaders(before));
    }
    if (tooFast) return refused(secondaryLimit(tooFast, requestId), rateLimitHeaders(before));
    const answer = await this.#route(request, credential);
    const spent = !free && answer.status !== 304;
    if (spent) this.#rateLimits.spend(credential);
    const limits = rateLimitHeaders(this.#rateLimits.of(credential));
    const selected = { "x-github-api-version-selected": version };
    return { ...answer, headers: { ...answer.headers, ...limits, ...selected }, spent };
  }

  /** It has a limit of its own, which it tells of with status 200, and no ETags. */
  async #query(body: string, { credential, origin, requestId, tooFast }: {
    readonly credential: Credential;
    readonly origin: string;
    readonly requestId: string;
    readonly tooFast: SecondaryLimit | undefined;
  }): Promise<Answer> {
    if (credential.kind === "anonymous" || credential.kind === "client") {
      return refused(AUTHENTICATION_REQUIRED);
    }
    const limits = () => rateLimitHeaders(this.#graphqlLimits.of(credential), "graphql");
    if (tooFast) return refused(secondaryLimit(tooFast, requestId), limits());
    const spent = this.#graphqlLimits.of(credential).remaining > 0;
    const asking = { credential, origin: { api: origin, html: origin }, login: this.#login };
    const answer = spent
      ? await this.#graphql.answer(body, asking)
      : graphqlLimit(credential.holder);
    if (spent) this.#graphqlLimits.spend(credential);
    const headers = { "content-type": JSON_TYPE, ...limits() };
    return { status: 200, headers, body: JSON.stringify(answer), spent };
  }

  async #route(request: Request, credential: Credential): Promise<Omit<Answer, "spent">> {
    const { pathname, origin } = new URL(request.url);
    const api = pathname.startsWith("/api/v3/") ? `${origin}/api/v3` : origin;
    const caller: Caller = { credential, origin: { api, html: origin } };
    const response = await this.#routes.fetch(request, caller);
    const body = await response.text();
    const headers = { ...Object.fromEntries(response.headers), "content-type": JSON_TYPE };
    if (response.status !== 200) return { status: response.status, headers, body: body || null };
    const etag = etagOf(credential, body);
    const cached = { ...headers, etag, "cache-control": "private, max-age=60", vary: VARY };
    return matches(request.headers.get("if-none-match"), etag)
      ? { status: 304, headers: cached, body: null }
      : { status: 200, headers: cached, body };
  }
}

function refused({ status, body, headers }: Refusal, limits: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": JSON_TYPE, ...limits, ...headers },
    body: JSON.stringify(body),
    spent: false,
  };
}

/** Weak, and another one for every token: https://github.com/github/docs/issues/34689 */
function etagOf({ token }: Credential, body: string): string {
  return `W/"${createHash("sha256").update(`${token}\n${body}`).digest("hex")}"`;
}

/** The weak comparison of RFC 9110, section 8.8.3.2. */
function matches(ifNoneMatch: string | null, etag: string): boolean {
  const wanted = (ifNoneMatch ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return wanted.includes(etag.replace(/^W\//, ""));
}
