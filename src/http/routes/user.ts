import { z } from "@hono/zod-openapi";
import { ROLES } from "../../account/permission.ts";
import type { User, UserStore } from "../../account/user.ts";
import { anyOf } from "../../error_text.ts";
import { type Api, apiRoute, bodyRoute, newApi, ok } from "../api.ts";
import { okList, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import { bodySchema, idParam, paramsSchema } from "../params.ts";
import { notFoundProblem, ProblemError } from "../problem.ts";
import { requires } from "../security.ts";
import { Timestamp, toTimestamp } from "../timestamp.ts";

export const UserSchema = z.object({
  id: z.int().openapi({ description: "GitHub user ID", example: 583231 }),
  login: z.string().openapi({ example: "octocat" }),
  name: z.string().nullable().openapi({ example: "The Octocat" }),
  avatar_url: z.string().nullable(),
  role: z.enum(ROLES),
  created_at: Timestamp,
  signed_in_at: Timestamp.openapi({ description: "Time of the last sign-in" }),
}).openapi("User");

const UserUpdateSchema = bodySchema({ role: z.enum(ROLES, { error: anyOf(ROLES) }) })
  .openapi("UserUpdate");

const params = paramsSchema({ id: idParam({ description: "GitHub user ID" }) });

const LIST = apiRoute({
  operationId: "listUsers",
  tag: "accounts",
  method: "get",
  path: "/api/v1/users",
  access: requires("admin"),
  summary: "List users",
  description: "Users who have signed in, by login.",
  query: paramsSchema(PAGE_PARAMETERS),
  returns: okList("UserList", UserSchema, "Users"),
});

const UPDATE = bodyRoute({
  operationId: "updateUser",
  tag: "accounts",
  method: "patch",
  path: "/api/v1/users/{id}",
  access: requires("admin"),
  summary: "Change a user's role",
  description: "Takes effect on the next request; the last admin cannot be demoted.",
  params,
  body: UserUpdateSchema,
  returns: ok(UserSchema, "The updated user"),
  problems: ["not_found", "last_admin"],
});

const END_SESSIONS = apiRoute({
  operationId: "endUserSessions",
  tag: "accounts",
  method: "delete",
  path: "/api/v1/users/{id}/sessions",
  access: requires("admin"),
  summary: "End all sessions of a user",
  params,
  returns: { 204: { description: "All sessions of the user have ended" } },
  problems: ["not_found"],
});

interface UserRoutesOptions {
  readonly users: Pick<UserStore, "list" | "findById" | "setRole">;
  /** Ends all sessions of a user. */
  readonly signOut: (userId: number) => Promise<void>;
}

/** `GET /api/v1/users`, `PATCH /api/v1/users/{id}` and `DELETE /api/v1/users/{id}/sessions`. */
export function userRoutes({ users, signOut }: UserRoutesOptions): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { page, per_page: perPage } = context.req.valid("query");
    const { total, ...list } = await users.list({ page, perPage });
    setPageLinks(context, { page, perPage, total });
    return context.json({ total_count: total, items: list.users.map(toUserJson) }, 200);
  });
  api.openapi(UPDATE, async (context) => {
    const { id } = context.req.valid("param");
    const user = await users.setRole(id, context.req.valid("json").role);
    if (user === undefined) throw notFoundProblem("User", id);
    if (user !== "last_admin") return context.json(toUserJson(user), 200);
    throw new ProblemError(
      "last_admin",
      `User ${id} is the last admin; promote another user first`,
    );
  });
  api.openapi(END_SESSIONS, async (context) => {
    const { id } = context.req.valid("param");
    if (!await users.findById(id)) throw notFoundProblem("User", id);
    await signOut(id);
    return context.body(null, 204);
  });
  return api;
}

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
