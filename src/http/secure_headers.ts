import type { MiddlewareHandler } from "hono";

/** Two years, as required by https://hstspreload.org */
const HSTS = "max-age=63072000";

/** For every response; pages override the Content-Security-Policy. https://owasp.org/www-project-secure-headers/ */
const SECURE_HEADERS = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

/** Sets security headers on every response, and HSTS if clients connect over TLS. */
export function secureHeaders(publicUrl: string | undefined): MiddlewareHandler {
  const isSecure = publicUrl?.startsWith("https:") ?? false;
  const headers = { ...SECURE_HEADERS, ...(isSecure ? { "Strict-Transport-Security": HSTS } : {}) };
  return async (context, next) => {
    // Before the handler, which can override them.
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
    await next();
  };
}
