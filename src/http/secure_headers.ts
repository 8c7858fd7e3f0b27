import type { MiddlewareHandler } from "hono";

/** Two years, as https://hstspreload.org asks for. */
const HSTS = "max-age=63072000";

/** Of every answer: none of them is a page, unless it says so itself. https://owasp.org/www-project-secure-headers/ */
export const SECURE_HEADERS = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

/** Tells browsers to be careful with what we answer, and to come by TLS alone where others reach us so. */
export function secureHeaders(publicUrl: string | undefined): MiddlewareHandler {
  const isSecure = publicUrl?.startsWith("https:") ?? false;
  const headers = { ...SECURE_HEADERS, ...(isSecure ? { "Strict-Transport-Security": HSTS } : {}) };
  return async (context, next) => {
    // Before the route, which may know better.
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
    await next();
  };
}
