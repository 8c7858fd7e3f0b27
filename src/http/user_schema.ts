import { z } from "@hono/zod-openapi";
import { ROLES } from "../account/permission.ts";
import type { User } from "../account/user.ts";

export const Timestamp = z.iso.datetime().openapi({ example: "2026-01-01T12:00:00.000Z" });

export const UserSchema = z.object({
  id: z.int().openapi({ description: "GitHub's number of the user", example: 583231 }),
  login: z.string().openapi({ example: "octocat" }),
  name: z.string().nullable().openapi({ example: "The Octocat" }),
  avatar_url: z.string().nullable(),
  role: z.enum(ROLES),
  created_at: Timestamp,
  signed_in_at: Timestamp.openapi({ description: "When last signed in" }),
}).openapi("User");

export function toUserJson(user: User): z.infer<typeof UserSchema> {
  return {
    id: user.id,
    login: user.login,
    name: user.name,
    avatar_url: user.avatarUrl,
    role: user.role,
    created_at: toTimestamp(user.createdAt),
    signed_in_at: toTimestamp(user.signedInAt),
  };
}

/** `ms` since the epoch. */
export function toTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}
