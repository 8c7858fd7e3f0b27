import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { SESSION_MAX_AGE_MS } from "../account/session.ts";

/**
 * How our cookies are named: with `host`, browsers take them over TLS alone, for all of our paths, and from no other host.
 * https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2
 */
export interface CookieNames {
  readonly prefix: "host" | undefined;
}

const SESSION_COOKIE = "runwire";
const LOGIN_COOKIE = "runwire-login";

/** Over TLS as soon as others reach us so; a browser would not send such a cookie to a plain loopback address. */
export function toCookieNames(publicUrl: string | undefined): CookieNames {
  return { prefix: publicUrl?.startsWith("https:") ? "host" : undefined };
}

/** No script sees it, and no other site sends it but by a link to us. */
function cookieOptions({ prefix }: CookieNames) {
  return {
    path: "/",
    httpOnly: true,
    secure: prefix === "host",
    sameSite: "Lax",
    ...(prefix ? { prefix } : {}),
  } as const;
}

export function getSessionToken(context: Context, { prefix }: CookieNames): string | undefined {
  return getCookie(context, SESSION_COOKIE, prefix) || undefined;
}

export function setSessionCookie(context: Context, token: string, names: CookieNames): void {
  const maxAge = SESSION_MAX_AGE_MS / 1_000;
  setCookie(context, SESSION_COOKIE, token, { ...cookieOptions(names), maxAge });
}

export function clearSessionCookie(context: Context, names: CookieNames): void {
  deleteCookie(context, SESSION_COOKIE, cookieOptions(names));
}

/** What a browser keeps while it is at GitHub. */
export function getLoginCookie(context: Context, { prefix }: CookieNames): string | undefined {
  return getCookie(context, LOGIN_COOKIE, prefix) || undefined;
}

/** `maxAge` in seconds. */
export function setLoginCookie(
  context: Context,
  { value, maxAge }: { readonly value: string; readonly maxAge: number },
  names: CookieNames,
): void {
  setCookie(context, LOGIN_COOKIE, value, { ...cookieOptions(names), maxAge });
}

export function clearLoginCookie(context: Context, names: CookieNames): void {
  deleteCookie(context, LOGIN_COOKIE, cookieOptions(names));
}
