import type { Permission } from "../account/permission.ts";
import type { Api } from "./api.ts";

/** How a request can say who asks, as the document names it. */
export const SECURITY_SCHEMES = {
  session: {
    type: "apiKey",
    in: "cookie",
    name: "runwire",
    description:
      "Of a browser that has signed in by `POST /login`; over TLS it is `__Host-runwire`",
  },
  key: {
    type: "http",
    scheme: "bearer",
    description: "An API key, `rw_live_…`; what a scope names is what its key may do",
  },
  ticket: {
    type: "apiKey",
    in: "query",
    name: "ticket",
    description: "Of `POST /api/v1/tickets`: opens one connection, within 30 s",
  },
} as const;

type Scheme = keyof typeof SECURITY_SCHEMES;

/** To be spread into the definition of a route: what its caller must be allowed to do. */
export function requires(permission: Permission) {
  return { security: toSecurity(["session", "key"], [permission]) };
}

/** The same for what stays open, where browsers can set no header. */
export function requiresForStream(permission: Permission) {
  return { security: toSecurity(["session", "key", "ticket"], [permission]) };
}

/** For everybody of whom it is known who he is. */
export const AUTHENTICATED = { security: toSecurity(["session", "key"], []) };

/** For them, and for whoever asks from this machine (guard.ts), where nobody need say who he is. */
export const AUTHENTICATED_OR_LOCAL = { security: [...toSecurity(["session", "key"], []), {}] };

/** For anybody. */
export const PUBLIC = { security: [] };

function toSecurity(schemes: readonly Scheme[], permissions: readonly Permission[]) {
  return schemes.map((scheme): Record<string, string[]> => ({ [scheme]: [...permissions] }));
}

/** What a route asks of its caller. */
export type AccessPolicy = "nothing" | {
  /** `undefined`: none, as long as it is known who asks. */
  readonly permission: Permission | undefined;
  readonly acceptsTicket: boolean;
  /** Whether a program on this machine may ask all the same. */
  readonly isOpenToLocal: boolean;
};

/** Of a route that does not say what it asks: then it is for admins. */
export const UNDECLARED: AccessPolicy = {
  permission: "admin",
  acceptsTicket: false,
  isOpenToLocal: false,
};

/** What the routes of `api` ask, by method and path, for example `GET /runs/:id`. */
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
  if (!first) return "nothing";
  const [permission] = Object.values(first).flat();
  return {
    permission: permission as Permission | undefined,
    acceptsTicket: security.some((scheme) => "ticket" in scheme),
    isOpenToLocal: security.some((scheme) => Object.keys(scheme).length === 0),
  };
}

/** A path as the router has it: `/runs/:id` for `/runs/{id}`. */
export function toRouterPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}
