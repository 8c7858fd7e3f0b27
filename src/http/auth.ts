import type { Context, MiddlewareHandler } from "hono";
import type { Authenticator, Principal } from "../account/principal.ts";
import type { Permission } from "../account/permission.ts";
import { isLoopback } from "../loopback.ts";
import type { RequestEnvironment } from "./api.ts";
import { type CookieNames, getSessionToken } from "./cookie.ts";
import { type AccessPolicy, matchedRoute, routeMethod, UNDECLARED } from "./security.ts";
import { isReadMethod, type OriginPolicy, originProblem, requestOrigin } from "./origin.ts";
import { ProblemError } from "./problem.ts";

/** By which a proxy can be told. */
const PROXY_HEADERS = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

export interface AuthOptions {
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly cookies: CookieNames;
  readonly origins: OriginPolicy;
  /** What each route asks of its caller (demand.ts), as soon as all are known. */
  readonly policies: () => ReadonlyMap<string, AccessPolicy>;
}

/** Finds out who asks, where it matters; whether it may, `permitted` says later, so that others can count in between. */
export function authenticate(
  { authenticator, cookies, policies }: AuthOptions,
): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const policy = findPolicy(context, policies());
    if (policy !== "nothing") {
      const { acceptsTicket: takesTickets } = policy;
      const principal = await authenticator.authenticate({
        key: bearerToken(context),
        ticket: takesTickets ? context.req.query("ticket") : undefined,
        session: getSessionToken(context, cookies),
      });
      if (principal) context.set("principal", principal);
    }
    await next();
  };
}

/** Lets in whoever may do what the route is for; what does not say what it is for, is for admins. */
export function authorize(
  { origins, policies }: AuthOptions,
): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const policy = findPolicy(context, policies());
    if (policy !== "nothing") {
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
  const { method, headers } = context.req.raw;
  // Its cookie comes along whatever page asks.
  const isCrossSite = principal.kind === "session" && !isReadMethod(method) &&
    requestOrigin(headers, origins) !== "own";
  if (isCrossSite) throw originProblem();
  if (permission === undefined || principal.permissions.has(permission)) return;
  throw new ProblemError(
    "forbidden",
    `Cannot ${method} ${context.req.path}: it needs the permission ${permission}`,
  );
}

export function unauthenticatedProblem(
  detail =
    "Cannot tell who asks: sign in by POST /login, or send Authorization: Bearer with an API key",
): ProblemError {
  return new ProblemError("unauthenticated", detail, { "WWW-Authenticate": "Bearer" });
}

/**
 * Whether a program on this machine asks, and no proxy on this machine for somebody else: proxies say whom they ask for.
 * https://www.rfc-editor.org/rfc/rfc7239
 */
function isLocalRequest({ env, req }: Context<RequestEnvironment>): boolean {
  const { remoteAddr } = env;
  const isLocal = "hostname" in remoteAddr && isLoopback(remoteAddr.hostname);
  return isLocal && !PROXY_HEADERS.some((name) => req.raw.headers.has(name));
}

/** Of the route that will answer; nothing is asked where there is none. */
function findPolicy(
  context: Context<RequestEnvironment>,
  policies: ReadonlyMap<string, AccessPolicy>,
): AccessPolicy {
  const route = matchedRoute(context);
  if (route === undefined) return "nothing";
  return policies.get(`${routeMethod(context)} ${route}`) ?? UNDECLARED;
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
function bearerToken(context: Context): string | undefined {
  return context.req.header("authorization")?.match(/^bearer\b *(.*)$/i)?.[1];
}
