import { createRoute, z } from "@hono/zod-openapi";
import { ROLES } from "../account/permission.ts";
import type { UserStore } from "../account/user.ts";
import { type Api, body, json, newApi, NOT_MODIFIED, parameters } from "./api.ts";
import { demands } from "./demand.ts";
import { LINK_HEADER, linkPages, listOf, PAGE_PARAMETERS } from "./list.ts";
import { ProblemError } from "./problem.ts";
import { problems, READ_PROBLEMS, WRITE_PROBLEMS } from "./problem_schema.ts";
import { id } from "./query.ts";
import { userJson, UserSchema } from "./user_schema.ts";

const params = parameters({ id: id({ description: "GitHub's number of the user" }) });

const LIST = createRoute({
  method: "get",
  path: "/api/v1/users",
  tags: ["accounts"],
  ...demands("admin"),
  summary: "List users",
  description: "Those who have signed in, by login.",
  request: { query: parameters(PAGE_PARAMETERS) },
  responses: {
    200: { ...json(listOf(UserSchema), "Users"), ...LINK_HEADER },
    ...NOT_MODIFIED,
    ...problems(...READ_PROBLEMS),
  },
});

const CHANGE = createRoute({
  method: "patch",
  path: "/api/v1/users/{id}",
  tags: ["accounts"],
  ...demands("admin"),
  summary: "Give a user another role",
  description: "It holds from the next request of the user on. There is always an admin left.",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: body({ role: z.enum(ROLES, { error: ROLES.join(", ") }) }),
        },
      },
    },
  },
  responses: {
    200: json(UserSchema, "The user as changed"),
    ...problems(...WRITE_PROBLEMS, "not_found", "last_admin"),
  },
});

const END_SESSIONS = createRoute({
  method: "delete",
  path: "/api/v1/users/{id}/sessions",
  tags: ["accounts"],
  ...demands("admin"),
  summary: "Sign a user out everywhere",
  request: { params },
  responses: {
    204: { description: "No session of the user is left" },
    ...problems(...READ_PROBLEMS, "not_found"),
  },
});

export interface UserRoutesOptions {
  readonly users: Pick<UserStore, "list" | "byId" | "setRole">;
  /** Ends all sessions of a user. */
  readonly signOut: (userId: number) => Promise<void>;
}

/** `GET /api/v1/users`, `PATCH /api/v1/users/{id}` and `DELETE /api/v1/users/{id}/sessions`. */
export function userRoutes({ users, signOut }: UserRoutesOptions): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { page, per_page: perPage } = context.req.valid("query");
    const { total, users: found } = await users.list({ page, perPage });
    linkPages(context, { page, perPage, total });
    return context.json({ total_count: total, items: found.map(userJson) }, 200);
  });
  api.openapi(CHANGE, async (context) => {
    const { id } = context.req.valid("param");
    const user = await users.setRole(id, context.req.valid("json").role);
    if (user === undefined) throw unknownUser(id);
    if (user !== "last_admin") return context.json(userJson(user), 200);
    throw new ProblemError(
      "last_admin",
      `Cannot lower user ${id}, who is the last admin: make somebody else one first`,
    );
  });
  api.openapi(END_SESSIONS, async (context) => {
    const { id } = context.req.valid("param");
    if (!await users.findById(id)) throw unknownUser(id);
    await signOut(id);
    return context.body(null, 204);
  });
  return api;
}

function unknownUser(id: number): ProblemError {
  return new ProblemError("not_found", `Cannot find user ${id}: nobody of that number signed in`);
}
