import { createHash } from "node:crypto";
import type { Hono } from "hono";
import type { Credential, Credentials } from "./auth/credentials.ts";
import { rateLimitHeaders, type RateLimits } from "./rate_limits.ts";
import { AUTHENTICATION_REQUIRED, GraphQL, rateLimitedResponse } from "./graphql.ts";
import type { Webhooks } from "./webhooks/webhooks.ts";
import type { OAuth } from "./auth/oauth.ts";
import {
  type ErrorResponse,
  primaryLimitExceeded,
  type SecondaryLimit,
  secondaryLimitExceeded,
  unsupportedVersion,
} from "./error_response.ts";
import { createRoutes } from "./routes.ts";
import type { SimulatedPrincipal } from "./request_context.ts";
import type { RunIndex } from "./run_index.ts";
import type { World } from "./world/world.ts";

/** A response, and whether it was charged to the primary rate limit. */
export interface SimulatedResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | null;
  readonly isCharged: boolean;
}

/** https://docs.github.com/en/rest/about-the-rest-api/api-versions, most recent first. */
const VERSIONS = ["2026-03-10", "2022-11-28"];
const DEFAULT_VERSION = "2022-11-28";
const VARY = "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, X-Requested-With";
/** The second is for GitHub Enterprise Server: https://docs.github.com/en/enterprise-server/graphql/guides/forming-calls-with-graphql */
const GRAPHQL_PATHS = ["/graphql", "/api/graphql"];
const JSON_TYPE = "application/json; charset=utf-8";

/** GitHub's processing around every route: authentication, rate limits, conditional requests. */
export class Api {
  readonly #credentials: Credentials;
  readonly #rateLimits: RateLimits;
  readonly #graphqlLimits: RateLimits;
  readonly #routes: Hono<{ Bindings: SimulatedPrincipal }>;
  readonly #graphql: GraphQL;
  readonly #login: string;

  constructor({ graphqlLimits, ...options }: {
    readonly world: World;
    readonly webhooks: Webhooks;
    readonly index: RunIndex;
    readonly oauth: OAuth;
    readonly credentials: Credentials;
    readonly rateLimits: RateLimits;
    readonly graphqlLimits: RateLimits;
    readonly login: string;
  }) {
    this.#credentials = options.credentials;
    this.#rateLimits = options.rateLimits;
    this.#graphqlLimits = graphqlLimits;
    this.#routes = createRoutes(options);
    this.#graphql = new GraphQL(options.world);
    this.#login = options.login;
  }

  /** Handles a request; with `exceededLimit` it fails with that secondary limit. */
  async response(request: Request, { requestId, exceededLimit }: {
    readonly requestId: string;
    readonly exceededLimit: SecondaryLimit | undefined;
  }): Promise<SimulatedResponse> {
    const version = request.headers.get("x-github-api-version") ?? DEFAULT_VERSION;
    if (!VERSIONS.includes(version)) {
      return toSimulatedResponse(unsupportedVersion(version, VERSIONS));
    }
    const credential = this.#credentials.authenticate(request.headers.get("authorization"));
    if ("status" in credential) return toSimulatedResponse(credential);
    const { pathname, origin } = new URL(request.url);
    if (request.method === "POST" && GRAPHQL_PATHS.includes(pathname)) {
      return await this.#handleGraphQL(await request.text(), {
        credential,
        origin,
        requestId,
        exceededLimit,
      });
    }
    const isFree = pathname.endsWith("/rate_limit");
    const before = this.#rateLimits.get(credential);
    if (!isFree && before.remaining === 0) {
      return toSimulatedResponse(
        primaryLimitExceeded(credential.label, requestId),
        rateLimitHeaders(before),
      );
    }
    if (exceededLimit) {
      return toSimulatedResponse(
        secondaryLimitExceeded(exceededLimit, requestId),
        rateLimitHeaders(before),
      );
    }
    const response = await this.#handleRest(request, credential);
    const isCharged = !isFree && response.status !== 304;
    if (isCharged) this.#rateLimits.consume(credential);
    const limits = rateLimitHeaders(this.#rateLimits.get(credential));
    const selected = { "x-github-api-version-selected": version };
    return { ...response, headers: { ...response.headers, ...limits, ...selected }, isCharged };
  }

  /** GraphQL has a separate rate limit, reports it with status 200, and has no ETags. */
  async #handleGraphQL(body: string, { credential, origin, requestId, exceededLimit }: {
    readonly credential: Credential;
    readonly origin: string;
    readonly requestId: string;
    readonly exceededLimit: SecondaryLimit | undefined;
  }): Promise<SimulatedResponse> {
    if (credential.kind === "anonymous" || credential.kind === "client") {
      return toSimulatedResponse(AUTHENTICATION_REQUIRED);
    }
    const limits = () => rateLimitHeaders(this.#graphqlLimits.get(credential), "graphql");
    if (exceededLimit) {
      return toSimulatedResponse(secondaryLimitExceeded(exceededLimit, requestId), limits());
    }
    const isCharged = this.#graphqlLimits.get(credential).remaining > 0;
    const principal = { credential, origin: { api: origin, html: origin }, login: this.#login };
    const response = isCharged
      ? await this.#graphql.execute(body, principal)
      : rateLimitedResponse(credential.label);
    if (isCharged) this.#graphqlLimits.consume(credential);
    const headers = { "content-type": JSON_TYPE, ...limits() };
    return { status: 200, headers, body: JSON.stringify(response), isCharged };
  }

  async #handleRest(
    request: Request,
    credential: Credential,
  ): Promise<Omit<SimulatedResponse, "isCharged">> {
    const { pathname, origin } = new URL(request.url);
    const api = pathname.startsWith("/api/v3/") ? `${origin}/api/v3` : origin;
    const principal: SimulatedPrincipal = { credential, origin: { api, html: origin } };
    const response = await this.#routes.fetch(request, principal);
    const body = await response.text();
    const headers = { ...Object.fromEntries(response.headers), "content-type": JSON_TYPE };
    if (response.status !== 200) return { status: response.status, headers, body: body || null };
    const etag = computeEtag(credential, body);
    const cached = { ...headers, etag, "cache-control": "private, max-age=60", vary: VARY };
    return matchesEtag(request.headers.get("if-none-match"), etag)
      ? { status: 304, headers: cached, body: null }
      : { status: 200, headers: cached, body };
  }
}

function toSimulatedResponse(
  { status, body, headers }: ErrorResponse,
  limits: Record<string, string> = {},
): SimulatedResponse {
  return {
    status,
    headers: { "content-type": JSON_TYPE, ...limits, ...headers },
    body: JSON.stringify(body),
    isCharged: false,
  };
}

/** A weak ETag, different for every token: https://github.com/github/docs/issues/34689 */
function computeEtag({ token }: Credential, body: string): string {
  return `W/"${createHash("sha256").update(`${token}\n${body}`).digest("hex")}"`;
}

/** The weak comparison of RFC 9110, section 8.8.3.2. */
function matchesEtag(ifNoneMatch: string | null, etag: string): boolean {
  const tags = (ifNoneMatch ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag.replace(/^W\//, ""));
}
