/** `admin` is required to manage keys and users. No route requires `tasks` or `cast` yet. */
export const PERMISSIONS = ["read", "write", "tasks", "cast", "admin"] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const ROLES = ["viewer", "member", "admin"] as const;
export type Role = (typeof ROLES)[number];

const ROLE_PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  viewer: new Set(["read"]),
  member: new Set(["read", "write", "tasks", "cast"]),
  admin: new Set(PERMISSIONS),
};

export function toPermissions(role: Role): ReadonlySet<Permission> {
  return ROLE_PERMISSIONS[role];
}
