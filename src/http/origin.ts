import { ProblemError } from "./problem.ts";

/** Which web pages may connect. */
export interface OriginPolicy {
  /** The only origins allowed, for example `https://ci.example.com`; when empty, pages from our own host. */
  readonly allowed: readonly string[];
  /** Host names (without port) under which we are known; when empty, any. */
  readonly hosts: readonly string[];
}

const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

/**
 * A server on a loopback address answers to loopback names and that of its public URL alone: otherwise a page whose name
 * was made to point at 127.0.0.1 would pass as coming from our own host (docs/decisions/allowed_origins.md).
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

/** Programs send no Origin and are let in; browsers always send one (RFC 6455, section 10.2). */
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
 * The same for what a page can read by a plain GET. Browsers send no Origin to what they take for the page's own host, so the
 * host itself must be one of ours, or that of a page that may connect.
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

/**
 * Whose page asks, as its browser says: one of ours, or of an allowed origin; another one; or `none`, where nobody says, as
 * programs do not. https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function requestOrigin(headers: Headers, policy: OriginPolicy): "own" | "foreign" | "none" {
  const site = headers.get("sec-fetch-site");
  if (site === "same-origin" || site === "none") return "own";
  if (headers.has("origin")) return isConnectAllowed(headers, policy) ? "own" : "foreign";
  return site === null ? "none" : "foreign";
}

/** A page of another origin that may connect is told so, otherwise its browser would keep the answer from it. */
export function corsHeaders(headers: Headers): Record<string, string> {
  const origin = headers.get("origin");
  return origin === null ? {} : { "Access-Control-Allow-Origin": origin };
}

/** What a page that may not connect is told. */
export function originProblem(): ProblemError {
  return new ProblemError(
    "origin_not_allowed",
    "Cannot connect from this page: name its origin in ALLOWED_ORIGINS, or its host in PUBLIC_URL, to allow it",
  );
}
