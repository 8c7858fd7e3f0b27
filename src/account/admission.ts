import type { Role } from "./permission.ts";

/** Who may sign in, and as what. All in lower case. */
export interface Admission {
  /** Logins that are admins, wherever they belong to. */
  readonly admins: readonly string[];
  /** Where one has to belong to; empty: anybody may sign in. */
  readonly organisations: readonly string[];
}

/** Whether it matters what organisations a user belongs to. */
export function asksOrganisations(login: string, { admins, organisations }: Admission): boolean {
  return organisations.length > 0 && !admins.includes(login.toLowerCase());
}

/** Whether one who belongs to `theirs` is let in. */
export function belongs(theirs: readonly string[], { organisations }: Admission): boolean {
  return theirs.some((each) => organisations.includes(each.toLowerCase()));
}

/** Who has to belong somewhere may write; anybody else may look. */
export function roleOfNewcomer(login: string, { admins, organisations }: Admission): Role {
  if (admins.includes(login.toLowerCase())) return "admin";
  return organisations.length > 0 ? "member" : "viewer";
}
