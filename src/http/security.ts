import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { Permission } from "../account/permission.ts";
import type { Api } from "./api.ts";

/** The ways to authenticate, by their names in the document. */
export const SECURITY_SCHEMES = {
  session: {
    type: "apiKey",
    in: "cookie",
    name: "runwire",
    description: "Session of a browser that signed in with `POST /login`; over TLS the cookie is " +
      "`__Host-runwire`",
  },
  key: {
    type: "http",
    scheme: "bearer",
    description: "API key, `rw_live_…`; its scopes are its permissions",
  },
  ticket: {
    type: "apiKey",
    in: "query",
    name: "ticket",
    description: "Ticket of `POST /api/v1/tickets`: single-use, valid for 30 s",
  },
} as const;

type Scheme = keyof typeof SECURITY_SCHEMES;

type SecurityRequirement = Record<string, string[]>;

/** For callers with a permission. To be spread into the definition of a route, like the constants below. */
export function requires(permission: Permission) {
  return { security: toSecurity(["session", "key"], [permission]) };
}

/** For callers with a permission; also accepts a ticket, because browsers cannot set headers on these requests. */
export function requiresForStream(permission: Permission) {
  return { security: toSecurity(["session", "key", "ticket"], [permission]) };
}

/** For every authenticated caller. */
export const AUTHENTICATED = { security: toSecurity(["session", "key"], []) };

/** For every authenticated caller, and for programs on this machine (auth.ts) without authentication. */
export const AUTHENTICATED_OR_LOCAL = { security: [...toSecurity(["session", "key"], []), {}] };

/** For everyone. */
export const PUBLIC = { security: [] };

function toSecurity(
  schemes: readonly Scheme[],
  permissions: readonly Permission[],
): SecurityRequirement[] {
  return schemes.map((scheme) => ({ [scheme]: [...permissions] }));
}

/** What a route requires of its caller. */
export type AccessPolicy = "public" | {
  /** `undefined`: authentication alone. */
  readonly permission: Permission | undefined;
  readonly acceptsTicket: boolean;
  /** Whether programs on this machine need no authentication. */
  readonly isOpenToLocal: boolean;
};

/** The policy of a route without a definition. */
export const UNDECLARED: AccessPolicy = {
  permission: "admin",
  acceptsTicket: false,
  isOpenToLocal: false,
};

/** The policies of all routes of `api`, by method and path, for example `GET /runs/:id`. */
export function toPolicies(api: Api): ReadonlyMap<string, AccessPolicy> {
  return new Map(
    api.openAPIRegistry.definitions.flatMap((definition) => {
      if (definition.type !== "route") return [];
      const { method, path, servers = [{ url: "/" }], security } = definition.route;
      const policy = security ? toPolicy(security) : UNDECLARED;
      return servers.map(({ url }) =>
        [`${method.toUpperCase()} ${url.replace(/\/$/, "")}${toRouterPath(path)}`, policy] as const
      );
    }),
  );
}

function toPolicy(security: readonly Readonly<Record<string, readonly string[]>>[]): AccessPolicy {
  const [first] = security;
  if (!first) return "public";
  const [permission] = Object.values(first).flat();
  return {
    permission: permission as Permission | undefined,
    acceptsTicket: security.some((scheme) => "ticket" in scheme),
    isOpenToLocal: security.some((scheme) => Object.keys(scheme).length === 0),
  };
}

/** The path in the router's syntax: `/runs/:id` for `/runs/{id}`. */
export function toRouterPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** The path of the route that will handle a request, for example `/runs/:id`; `undefined` without a route. */
export function matchedRoute(context: Context): string | undefined {
  const method = routeMethod(context);
  return matchedRoutes(context).find((each) => each.method === method)?.path;
}

/** The method of the route that will handle a request: routes for GET also handle HEAD. */
export function routeMethod(context: Context): string {
  return context.req.method === "HEAD" ? "GET" : context.req.method;
}
