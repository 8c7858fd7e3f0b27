import type { Context } from "hono";
import { matchedRoutes } from "hono/route";

/** Where a request leads, as it was defined, for example `/runs/:id`; `undefined` where nothing was. */
export function matchedRoute(context: Context): string | undefined {
  const method = routeMethod(context);
  return matchedRoutes(context).find((each) => each.method === method)?.path;
}

/** By which its route was defined: HEAD is answered as GET. */
export function routeMethod(context: Context): string {
  return context.req.method === "HEAD" ? "GET" : context.req.method;
}
