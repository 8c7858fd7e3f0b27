import type { Context, MiddlewareHandler } from "hono";
import type { Authenticator } from "../account/authenticator.ts";
import type { Permission } from "../account/permission.ts";
import type { Principal } from "../account/principal.ts";
import { permissionRequired } from "../error_text.ts";
import { isLoopback } from "../loopback.ts";
import type { RequestEnvironment } from "./api.ts";
import { type CookieNames, getSessionToken } from "./cookie.ts";
import {
  isReadMethod,
  isWebSocketUpgrade,
  type OriginPolicy,
  originProblem,
  requestOrigin,
} from "./origin.ts";
import { ProblemError } from "./problem.ts";
import { type AccessPolicy, matchedRoute, routeMethod, UNDECLARED } from "./security.ts";

/** Headers that proxies add. */
const PROXY_HEADERS = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

export interface AuthOptions {
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly cookies: CookieNames;
  readonly origins: OriginPolicy;
  /** The access policy of each route (security.ts); complete when all routes are defined. */
  readonly policies: () => ReadonlyMap<string, AccessPolicy>;
}

/** Identifies the caller of a route that requires it. `authorize` checks the permissions later, after the rate limit. */
export function authenticate(
  { authenticator, cookies, policies }: AuthOptions,
): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const policy = findPolicy(context, policies());
    if (policy !== "public") {
      const principal = await authenticator.authenticate({
        key: bearerToken(context),
        ticket: policy.acceptsTicket ? context.req.query("ticket") : undefined,
        session: getSessionToken(context, cookies),
      });
      if (principal) context.set("principal", principal);
    }
    await next();
  };
}

/** Rejects callers without the permission of the route. Routes that declare no policy require `admin`. */
export function authorize(
  { origins, policies }: AuthOptions,
): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const policy = findPolicy(context, policies());
    if (policy !== "public") {
      context.header("Cache-Control", "private, no-cache");
      context.header("Vary", "Cookie, Authorization", { append: true });
      const isAllowedLocally = policy.isOpenToLocal && isLocalRequest(context);
      if (!isAllowedLocally) requirePermission(context, policy.permission, origins);
    }
    await next();
  };
}

function requirePermission(
  context: Context<RequestEnvironment>,
  permission: Permission | undefined,
  origins: OriginPolicy,
): void {
  const principal: Principal | undefined = context.get("principal");
  if (!principal) throw unauthenticatedProblem();
  const { method } = context.req;
  // Browsers send the session cookie with requests of any page.
  if (principal.kind === "session" && !isOwnPage(context.req.raw, origins)) throw originProblem();
  if (permission === undefined || principal.permissions.has(permission)) return;
  throw new ProblemError(
    "forbidden",
    permissionRequired(permission, `${method} ${context.req.path}`),
  );
}

/** Whether a request may use the session cookie: other pages can send reads, but browsers do not let them read the response. */
function isOwnPage({ method, headers }: Request, origins: OriginPolicy): boolean {
  // originGuard has checked the Origin.
  if (isWebSocketUpgrade(headers)) return headers.has("origin");
  return isReadMethod(method) || requestOrigin(headers, origins) === "own";
}

export function unauthenticatedProblem(
  detail =
    "Not authenticated: sign in with POST /login or send an API key as Authorization: Bearer",
): ProblemError {
  return new ProblemError("unauthenticated", detail, { "WWW-Authenticate": "Bearer" });
}

/**
 * Whether a program on this machine sent the request. Requests with proxy headers are excluded: a local proxy forwards them
 * for other clients.
 * https://www.rfc-editor.org/rfc/rfc7239
 */
function isLocalRequest({ env, req }: Context<RequestEnvironment>): boolean {
  const { remoteAddr } = env;
  const isLocal = "hostname" in remoteAddr && isLoopback(remoteAddr.hostname);
  return isLocal && !PROXY_HEADERS.some((name) => req.raw.headers.has(name));
}

/** The policy of the matching route; `public` if no route matches. */
function findPolicy(
  context: Context<RequestEnvironment>,
  policies: ReadonlyMap<string, AccessPolicy>,
): AccessPolicy {
  const route = matchedRoute(context);
  if (route === undefined) return "public";
  return policies.get(`${routeMethod(context)} ${route}`) ?? UNDECLARED;
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
function bearerToken(context: Context): string | undefined {
  return context.req.header("authorization")?.match(/^bearer\b *(.*)$/i)?.[1];
}
