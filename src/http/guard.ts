import type { Context, MiddlewareHandler } from "hono";
import type { Principal, Authenticator } from "../account/principal.ts";
import type { Permission } from "../account/permission.ts";
import { isLoopback } from "./address.ts";
import type { RequestEnvironment } from "./api.ts";
import { type CookieNames, sessionToken } from "./cookie.ts";
import { type Demand, UNDECLARED } from "./demand.ts";
import { methodOf, routeOf } from "./route.ts";
import { isRead, originProblem, type OriginRule, pageOf } from "./origin.ts";
import { ProblemError } from "./problem.ts";

/** By which a proxy can be told. */
const PROXY_HEADERS = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

export interface GuardOptions {
  readonly callers: Pick<Authenticator, "identify">;
  readonly cookies: CookieNames;
  readonly origins: OriginRule;
  /** What each route asks of its caller (demand.ts), as soon as all are known. */
  readonly demands: () => ReadonlyMap<string, Demand>;
}

/** Finds out who asks, where it matters; whether it may, `permitted` says later, so that others can count in between. */
export function identified(
  { callers, cookies, demands }: GuardOptions,
): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const demand = demandOf(context, demands());
    if (demand !== "nothing") {
      const { takesTickets } = demand;
      const caller = await callers.authenticate({
        key: bearer(context),
        ticket: takesTickets ? context.req.query("ticket") : undefined,
        session: sessionToken(context, cookies),
      });
      if (caller) context.set("caller", caller);
    }
    await next();
  };
}

/** Lets in whoever may do what the route is for; what does not say what it is for, is for admins. */
export function permitted(
  { origins, demands }: GuardOptions,
): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const demand = demandOf(context, demands());
    if (demand !== "nothing") {
      context.header("Cache-Control", "private, no-cache");
      context.header("Vary", "Cookie, Authorization", { append: true });
      const isWelcome = demand.isOpenHere && isFromHere(context);
      if (!isWelcome) check(context, demand.permission, origins);
    }
    await next();
  };
}

function check(
  context: Context<RequestEnvironment>,
  permission: Permission | undefined,
  origins: OriginRule,
): void {
  const caller: Principal | undefined = context.get("caller");
  if (!caller) throw unauthenticated();
  const { method, headers } = context.req.raw;
  // Its cookie comes along whatever page asks.
  const isForced = caller.kind === "session" && !isRead(method) &&
    pageOf(headers, origins) !== "own";
  if (isForced) throw originProblem();
  if (permission === undefined || caller.permissions.has(permission)) return;
  throw new ProblemError(
    "forbidden",
    `Cannot ${method} ${context.req.path}: it needs the permission ${permission}`,
  );
}

export function unauthenticated(
  detail =
    "Cannot tell who asks: sign in by POST /login, or send Authorization: Bearer with an API key",
): ProblemError {
  return new ProblemError("unauthenticated", detail, { "WWW-Authenticate": "Bearer" });
}

/**
 * Whether a program on this machine asks, and no proxy on this machine for somebody else: proxies say whom they ask for.
 * https://www.rfc-editor.org/rfc/rfc7239
 */
function isFromHere({ env, req }: Context<RequestEnvironment>): boolean {
  const { remoteAddr } = env;
  const isLocal = "hostname" in remoteAddr && isLoopback(remoteAddr.hostname);
  return isLocal && !PROXY_HEADERS.some((name) => req.raw.headers.has(name));
}

/** Of the route that will answer; nothing is asked where there is none. */
function demandOf(
  context: Context<RequestEnvironment>,
  demands: ReadonlyMap<string, Demand>,
): Demand {
  const route = routeOf(context);
  if (route === undefined) return "nothing";
  return demands.get(`${methodOf(context)} ${route}`) ?? UNDECLARED;
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
function bearer(context: Context): string | undefined {
  return context.req.header("authorization")?.match(/^bearer\b *(.*)$/i)?.[1];
}
