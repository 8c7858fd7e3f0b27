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
export function demands(permission: Permission) {
  return { security: securityOf(["session", "key"], [permission]) };
}

/** The same for what stays open, where browsers can set no header. */
export function demandsOfStream(permission: Permission) {
  return { security: securityOf(["session", "key", "ticket"], [permission]) };
}

/** For everybody of whom it is known who he is. */
export const FOR_CALLERS = { security: securityOf(["session", "key"], []) };

/** For them, and for whoever asks from this machine (guard.ts), where nobody need say who he is. */
export const FOR_CALLERS_OR_HERE = { security: [...securityOf(["session", "key"], []), {}] };

/** For anybody. */
export const FOR_ANYBODY = { security: [] };

function securityOf(schemes: readonly Scheme[], permissions: readonly Permission[]) {
  return schemes.map((scheme): Record<string, string[]> => ({ [scheme]: [...permissions] }));
}

/** What a route asks of its caller. */
export type Demand = "nothing" | {
  /** `undefined`: none, as long as it is known who asks. */
  readonly permission: Permission | undefined;
  readonly takesTickets: boolean;
  /** Whether a program on this machine may ask all the same. */
  readonly isOpenHere: boolean;
};

/** Of a route that does not say what it asks: then it is for admins. */
export const UNDECLARED: Demand = {
  permission: "admin",
  takesTickets: false,
  isOpenHere: false,
};

/** What the routes of `api` ask, by method and path, for example `GET /runs/:id`. */
export function demandsOf(api: Api): ReadonlyMap<string, Demand> {
  return new Map(
    api.openAPIRegistry.definitions.flatMap((definition) => {
      if (definition.type !== "route") return [];
      const { method, path, servers = [{ url: "/" }], security } = definition.route;
      const demand = security ? demandOf(security) : UNDECLARED;
      return servers.map(({ url }) =>
        [`${method.toUpperCase()} ${url.replace(/\/$/, "")}${routingPath(path)}`, demand] as const
      );
    }),
  );
}

function demandOf(security: readonly Readonly<Record<string, readonly string[]>>[]): Demand {
  const [first] = security;
  if (!first) return "nothing";
  const [permission] = Object.values(first).flat();
  return {
    permission: permission as Permission | undefined,
    takesTickets: security.some((scheme) => "ticket" in scheme),
    isOpenHere: security.some((scheme) => Object.keys(scheme).length === 0),
  };
}

/** A path as the router has it: `/runs/:id` for `/runs/{id}`. */
export function routingPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}
