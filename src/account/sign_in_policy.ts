import type { Role } from "./permission.ts";

/** Who may sign in, and with which role. All names are in lower case. */
export interface SignInPolicy {
  /** Logins of admins, who need no membership. */
  readonly admins: readonly string[];
  /** Users must be a member of one of these; empty: any GitHub user may sign in. */
  readonly organizations: readonly string[];
}

export function requiresMembership(
  login: string,
  { admins, organizations }: SignInPolicy,
): boolean {
  return organizations.length > 0 && !admins.includes(login.toLowerCase());
}

/** @param memberships the logins of the user's organizations, in any case */
export function isAllowedMember(
  memberships: readonly string[],
  { organizations }: SignInPolicy,
): boolean {
  return memberships.some((login) => organizations.includes(login.toLowerCase()));
}

/** Members may write if membership is required; otherwise new users may only read. */
export function initialRole(login: string, { admins, organizations }: SignInPolicy): Role {
  if (admins.includes(login.toLowerCase())) return "admin";
  return organizations.length > 0 ? "member" : "viewer";
}
