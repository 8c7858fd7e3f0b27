import { ANONYMOUS_ADMIN, type Principal } from "../../../src/account/principal.ts";
import type { Authenticator, Credentials } from "../../../src/account/authenticator.ts";

/** Principals by credential, in a map that a test changes. */
export class FakeAuthenticator implements Authenticator {
  readonly isAnonymousAllowed: boolean;
  /** By API key, ticket or session token. */
  readonly principals = new Map<string, Principal>();
  /** The calls, in order. */
  readonly requests: Credentials[] = [];

  constructor({ isOpen = false }: { readonly isOpen?: boolean } = {}) {
    this.isAnonymousAllowed = isOpen;
  }

  authenticate(credentials: Credentials): Promise<Principal | undefined> {
    this.requests.push(credentials);
    const { key, ticket, session } = credentials;
    const credential = key ?? ticket ?? session;
    if (credential !== undefined) return Promise.resolve(this.principals.get(credential));
    return Promise.resolve(this.isAnonymousAllowed ? ANONYMOUS_ADMIN : undefined);
  }

  reauthenticate(principal: Principal): Promise<Principal | undefined> {
    const same = [...this.principals.values()].find(({ id }) => id === principal.id);
    return Promise.resolve(principal.kind === "open" ? principal : same);
  }
}

/** A program with a key, the permission read and full visibility, unless `fields` overrides them. */
export function keyPrincipal(fields: Partial<Principal> = {}): Principal {
  return {
    kind: "key",
    id: "key 1",
    permissions: new Set(["read"]),
    key: {
      id: 1,
      name: "CI",
      prefix: "rw_live_abcd",
      scopes: ["read"],
      budgetCents: null,
      createdAt: 0,
      expiresAt: null,
      lastUsedAt: null,
      revokedAt: null,
    },
    visibility: () => Promise.resolve("all"),
    canRead: () => Promise.resolve(true),
    ...fields,
  };
}

/** A signed-in user with the permission read and full visibility, unless `fields` overrides them. */
export function sessionPrincipal(fields: Partial<Principal> = {}): Principal {
  return {
    kind: "session",
    id: "user 7",
    permissions: new Set(["read"]),
    session: {
      id: "0".repeat(64),
      user: {
        id: 7,
        login: "octocat",
        name: null,
        avatarUrl: null,
        role: "viewer",
        createdAt: 0,
        signedInAt: 0,
        membershipCheckedAt: 0,
      },
      createdAt: 0,
      lastUsedAt: 0,
    },
    visibility: () => Promise.resolve("all"),
    canRead: () => Promise.resolve(true),
    ...fields,
  };
}
