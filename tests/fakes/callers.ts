import {
  type Caller,
  type Callers,
  type Credentials,
  OPEN_CALLER,
} from "../../src/account/caller.ts";

/** Callers by their credentials, kept in a map that a test fills and empties; each is asked for as of now. */
export class MemoryCallers implements Callers {
  readonly isOpen: boolean;
  /** By key, ticket or token of a session. */
  readonly known = new Map<string, Caller>();
  /** Everything that was asked for, in order. */
  readonly asked: Credentials[] = [];

  constructor({ isOpen = false }: { readonly isOpen?: boolean } = {}) {
    this.isOpen = isOpen;
  }

  identify(credentials: Credentials): Promise<Caller | undefined> {
    this.asked.push(credentials);
    const { key, ticket, session } = credentials;
    const credential = key ?? ticket ?? session;
    if (credential !== undefined) return Promise.resolve(this.known.get(credential));
    return Promise.resolve(this.isOpen ? OPEN_CALLER : undefined);
  }

  again(caller: Caller): Promise<Caller | undefined> {
    const same = [...this.known.values()].find(({ account }) => account === caller.account);
    return Promise.resolve(caller.kind === "open" ? caller : same);
  }
}

/** A program with a key, that may read and see everything unless `fields` say otherwise. */
export function keyCaller(fields: Partial<Caller> = {}): Caller {
  return {
    kind: "key",
    account: "key 1",
    permissions: new Set(["read"]),
    key: {
      id: 1,
      name: "CI",
      prefix: "rw_live_abcd",
      scopes: ["read"],
      budgetCents: null,
      createdAt: 0,
      expiresAt: null,
      usedAt: null,
      revokedAt: null,
    },
    visible: () => Promise.resolve("all"),
    mayRead: () => Promise.resolve(true),
    ...fields,
  };
}

/** A user who has signed in, who may read and see everything unless `fields` say otherwise. */
export function sessionCaller(fields: Partial<Caller> = {}): Caller {
  return {
    kind: "session",
    account: "user 7",
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
        memberAt: 0,
      },
      createdAt: 0,
      usedAt: 0,
    },
    visible: () => Promise.resolve("all"),
    mayRead: () => Promise.resolve(true),
    ...fields,
  };
}
