import { createRoute, z } from "@hono/zod-openapi";
import { ROLES } from "../../account/permission.ts";
import type { UserStore } from "../../account/user.ts";
import { type Api, bodySchema, jsonResponse, newApi, NOT_MODIFIED, paramsSchema } from "../api.ts";
import { requires } from "../security.ts";
import { LINK_HEADER, listSchema, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import { ProblemError } from "../problem.ts";
import { openApiProblems, READ_PROBLEMS, WRITE_PROBLEMS } from "../problem_schema.ts";
import { idParam } from "../query.ts";
import { toUserJson, UserSchema } from "../user_schema.ts";

const params = paramsSchema({ id: idParam({ description: "GitHub's number of the user" }) });

const LIST = createRoute({
  method: "get",
  path: "/api/v1/users",
  tags: ["accounts"],
  ...requires("admin"),
  summary: "List users",
  description: "Those who have signed in, by login.",
  request: { query: paramsSchema(PAGE_PARAMETERS) },
  responses: {
    200: { ...jsonResponse(listSchema(UserSchema), "Users"), ...LINK_HEADER },
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS),
  },
});

const CHANGE = createRoute({
  method: "patch",
  path: "/api/v1/users/{id}",
  tags: ["accounts"],
  ...requires("admin"),
  summary: "Give a user another role",
  description: "It holds from the next request of the user on. There is always an admin left.",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: bodySchema({ role: z.enum(ROLES, { error: ROLES.join(", ") }) }),
        },
      },
    },
  },
  responses: {
    200: jsonResponse(UserSchema, "The user as changed"),
    ...openApiProblems(...WRITE_PROBLEMS, "not_found", "last_admin"),
  },
});

const END_SESSIONS = createRoute({
  method: "delete",
  path: "/api/v1/users/{id}/sessions",
  tags: ["accounts"],
  ...requires("admin"),
  summary: "Sign a user out everywhere",
  request: { params },
  responses: {
    204: { description: "No session of the user is left" },
    ...openApiProblems(...READ_PROBLEMS, "not_found"),
  },
});

export interface UserRoutesOptions {
  readonly users: Pick<UserStore, "list" | "findById" | "setRole">;
  /** Ends all sessions of a user. */
  readonly signOut: (userId: number) => Promise<void>;
}

/** `GET /api/v1/users`, `PATCH /api/v1/users/{id}` and `DELETE /api/v1/users/{id}/sessions`. */
export function userRoutes({ users, signOut }: UserRoutesOptions): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { page, per_page: perPage } = context.req.valid("query");
    const { total, users: found } = await users.list({ page, perPage });
    setPageLinks(context, { page, perPage, total });
    return context.json({ total_count: total, items: found.map(toUserJson) }, 200);
  });
  api.openapi(CHANGE, async (context) => {
    const { id } = context.req.valid("param");
    const user = await users.setRole(id, context.req.valid("json").role);
    if (user === undefined) throw userNotFound(id);
    if (user !== "last_admin") return context.json(toUserJson(user), 200);
    throw new ProblemError(
      "last_admin",
      `Cannot lower user ${id}, who is the last admin: make somebody else one first`,
    );
  });
  api.openapi(END_SESSIONS, async (context) => {
    const { id } = context.req.valid("param");
    if (!await users.findById(id)) throw userNotFound(id);
    await signOut(id);
    return context.body(null, 204);
  });
  return api;
}

function userNotFound(id: number): ProblemError {
  return new ProblemError("not_found", `Cannot find user ${id}: nobody of that number signed in`);
}
