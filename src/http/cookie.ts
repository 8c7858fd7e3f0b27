import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { SESSION_MAX_AGE_MS } from "../account/session.ts";

/**
 * The prefix of cookie names. With `host`, browsers accept the cookies only over TLS, for all paths, and from this host.
 * https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2
 */
export interface CookieNames {
  readonly prefix: "host" | undefined;
}

const SESSION_COOKIE = "runwire";
const LOGIN_COOKIE = "runwire-login";

/** Requires TLS only if the public URL is https: browsers do not send such cookies over plain HTTP. */
export function toCookieNames(publicUrl: string | undefined): CookieNames {
  return { prefix: publicUrl?.startsWith("https:") ? "host" : undefined };
}

/** Scripts cannot read the cookies, and other sites send them only with links. */
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

/** The state of a sign-in while the browser is at GitHub. */
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
