import type { Role } from "./permission.ts";

/** Who may sign in, and as what. All in lower case. */
export interface SignInPolicy {
  /** Logins that are admins, wherever they belong to. */
  readonly admins: readonly string[];
  /** Where one has to belong to; empty: anybody may sign in. */
  readonly organizations: readonly string[];
}

/** Whether it matters what organizations a user belongs to. */
export function requiresMembership(
  login: string,
  { admins, organizations }: SignInPolicy,
): boolean {
  return organizations.length > 0 && !admins.includes(login.toLowerCase());
}

/** Whether one who belongs to `theirs` is let in. */
export function isAllowedMember(
  memberships: readonly string[],
  { organizations }: SignInPolicy,
): boolean {
  return memberships.some((login) => organizations.includes(login.toLowerCase()));
}

/** Who has to belong somewhere may write; anybody else may look. */
export function initialRole(login: string, { admins, organizations }: SignInPolicy): Role {
  if (admins.includes(login.toLowerCase())) return "admin";
  return organizations.length > 0 ? "member" : "viewer";
}
