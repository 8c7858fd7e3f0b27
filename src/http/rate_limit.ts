import type { Context, MiddlewareHandler } from "hono";
import type { Principal } from "../account/principal.ts";
import type { RateLimit, RateLimitDecision, RateLimiter } from "../account/rate_limiter.ts";
import type { RequestEnvironment } from "./api.ts";
import { ProblemError } from "./problem.ts";

export interface RateLimitOptions {
  readonly limit: RateLimit;
  readonly limiter: RateLimiter;
}

/**
 * Responds with 429 to callers above their rate limit, and reports the remaining requests in every response. The limit
 * applies per user or key, and per address for other callers; each `kind` of request has its own limit.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
export function rateLimit(
  { limit, limiter }: RateLimitOptions,
  { kind }: { readonly kind?: string } = {},
): MiddlewareHandler<RequestEnvironment> {
  const { burst, perSecond } = limit;
  const policy = `"default";q=${burst};w=${Math.ceil(burst / perSecond)}`;
  return async (context, next) => {
    const principal: Principal | undefined = context.get("principal");
    const caller = principal?.id ?? requestAddress(context);
    const decision = await limiter.consume(kind === undefined ? caller : `${kind} ${caller}`);
    const headers = { "RateLimit-Policy": policy, RateLimit: rateLimitHeader(decision) };
    if (!decision.isAllowed) {
      throw new ProblemError(
        "rate_limited",
        `Rate limit exceeded: ${formatRate(perSecond)}, bursts of up to ${burst}`,
        { ...headers, "Retry-After": String(toSeconds(decision.retryAfterMs)) },
      );
    }
    await next();
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
  };
}

function requestAddress(context: Context<RequestEnvironment>): string {
  const { remoteAddr } = context.env;
  return clientAddress(context.req.raw.headers, {
    remote: "hostname" in remoteAddr ? remoteAddr.hostname : "",
    isProxied: context.get("publicUrl") !== undefined,
  });
}

/**
 * The address of the connection or, behind a proxy, the last address in X-Forwarded-For: the only entry that the proxy has
 * written (https://www.rfc-editor.org/rfc/rfc7239#section-8.1). An IPv6 /64 network counts as one address, because one
 * client can have all of it.
 */
export function clientAddress(
  headers: Headers,
  { remote, isProxied }: { readonly remote: string; readonly isProxied: boolean },
): string {
  const forwarded = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim();
  return toNetwork(isProxied && forwarded && isAddress(forwarded) ? forwarded : remote);
}

function isAddress(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || URL.canParse(`http://[${text}]/`);
}

function toNetwork(address: string): string {
  const url = `http://[${address}]/`;
  if (!address.includes(":") || !URL.canParse(url)) return address;
  const [head = "", tail = ""] = new URL(url).hostname.slice(1, -1).split("::");
  const [first, last] = [head, tail].map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(8 - (first?.length ?? 0) - (last?.length ?? 0)).fill("0");
  return `${[...first ?? [], ...zeros, ...last ?? []].slice(0, 4).join(":")}::/64`;
}

function formatRate(perSecond: number): string {
  return perSecond < 1
    ? `${Math.round(perSecond * 60)} requests per minute`
    : `${perSecond} requests per second`;
}

function rateLimitHeader({ remaining, resetMs }: RateLimitDecision): string {
  return `"default";r=${remaining};t=${toSeconds(resetMs)}`;
}

function toSeconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
