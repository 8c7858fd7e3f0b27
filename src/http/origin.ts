import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { RequestEnvironment } from "./api.ts";
import { ProblemError } from "./problem.ts";

/** The web pages that may connect. */
export interface OriginPolicy {
  /** The only allowed origins, for example `https://ci.example.com`; if empty, pages of the server's own host. */
  readonly allowed: readonly string[];
  /** Host names of this server, without port; if empty, any name. */
  readonly hosts: readonly string[];
}

const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

/** Response headers that pages of other origins may read. */
const EXPOSED_HEADERS = [
  "ETag",
  "Link",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "X-Request-Id",
];

/**
 * On a loopback address, the server accepts only loopback names and the host of its public URL. Otherwise a page could pass
 * as the server's own by pointing its host name to 127.0.0.1 (docs/decisions/allowed_origins.md).
 */
export function toOriginPolicy(
  { allowed, publicUrl, isLoopback }: {
    allowed: readonly string[];
    publicUrl: string | undefined;
    isLoopback: boolean;
  },
): OriginPolicy {
  const ownHosts = publicUrl ? [new URL(publicUrl).hostname] : [];
  return { allowed, hosts: isLoopback ? [...LOOPBACK_HOSTS, ...ownHosts] : [] };
}

/** Rejects requests of web pages that may not connect, and allows the other pages to read the response (CORS). */
export function originGuard(policy: OriginPolicy): MiddlewareHandler<RequestEnvironment> {
  const allowReading = cors({ origin: (origin) => origin, exposeHeaders: EXPOSED_HEADERS });
  return async (context, next) => {
    const request = context.req.raw;
    if (!isRequestAllowed(request, policy)) throw originProblem();
    // The response to an upgrade is immutable. A preflight gets no permission: only pages of this server send JSON.
    const isReadable = !isWebSocketUpgrade(request.headers) && request.method !== "OPTIONS";
    await next();
    if (!isReadable) return;
    // After the handler, because Hono would copy the handler's response to one that has headers already.
    await allowReading(context, () => Promise.resolve());
  };
}

function isRequestAllowed({ method, headers }: Request, policy: OriginPolicy): boolean {
  return isReadMethod(method) && !isWebSocketUpgrade(headers)
    ? isReadAllowed(headers, policy)
    : isConnectAllowed(headers, policy);
}

/** Programs send no Origin and are allowed; browsers always send one (RFC 6455, section 10.2). */
export function isConnectAllowed(headers: Headers, policy: OriginPolicy): boolean {
  const origin = headers.get("origin");
  if (origin === null) return true;
  if (policy.allowed.length > 0) return policy.allowed.includes(origin);
  if (!URL.canParse(origin)) return false;
  const { host, hostname } = new URL(origin);
  if (host !== headers.get("host")?.toLowerCase()) return false;
  return policy.hosts.length === 0 || policy.hosts.includes(hostname);
}

/**
 * The rule for plain GET requests. Browsers send no Origin with a GET to the page's own host, so the host must be a name of
 * this server or of an allowed page.
 */
export function isReadAllowed(headers: Headers, policy: OriginPolicy): boolean {
  if (headers.has("origin") || policy.hosts.length === 0) return isConnectAllowed(headers, policy);
  const url = `http://${headers.get("host")}`;
  if (!URL.canParse(url)) return false;
  const allowedHosts = [
    ...policy.hosts,
    ...policy.allowed.map((origin) => new URL(origin).hostname),
  ];
  return allowedHosts.includes(new URL(url).hostname);
}

export function isReadMethod(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

export function isWebSocketUpgrade(headers: Headers): boolean {
  return headers.get("upgrade")?.toLowerCase() === "websocket";
}

/**
 * Where a request comes from, according to the browser: `own` for this server's pages and allowed origins, `foreign` for
 * other pages, `none` for programs. https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function requestOrigin(headers: Headers, policy: OriginPolicy): "own" | "foreign" | "none" {
  const site = headers.get("sec-fetch-site");
  if (site === "same-origin" || site === "none") return "own";
  if (headers.has("origin")) return isConnectAllowed(headers, policy) ? "own" : "foreign";
  return site === null ? "none" : "foreign";
}

export function originProblem(): ProblemError {
  return new ProblemError(
    "origin_not_allowed",
    "The origin of the page is not allowed; add it to ALLOWED_ORIGINS, or set PUBLIC_URL to its host",
  );
}
