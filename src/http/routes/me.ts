import { createRoute, z } from "@hono/zod-openapi";
import type { Principal } from "../../account/principal.ts";
import { PERMISSIONS } from "../../account/permission.ts";
import { type Api, jsonResponse, newApi, NOT_MODIFIED, paramsSchema } from "../api.ts";
import { ApiKeySchema, toApiKeyJson } from "../api_key_schema.ts";
import { AUTHENTICATED } from "../security.ts";
import { openApiProblems, READ_PROBLEMS } from "../problem_schema.ts";
import { toUserJson, UserSchema } from "../user_schema.ts";

const MeSchema = z.object({
  kind: z.enum(["open", "session", "key"]).openapi({
    description: "`open`: no login is configured, and anybody is let in",
  }),
  permissions: z.array(z.enum(PERMISSIONS)),
  user: UserSchema.nullable().openapi({ description: "Of kind `session`" }),
  key: ApiKeySchema.nullable().openapi({ description: "Of kind `key`" }),
}).openapi("Me");

const ME = createRoute({
  method: "get",
  path: "/api/v1/me",
  tags: ["accounts"],
  ...AUTHENTICATED,
  summary: "Tell who asks, and what he may do",
  request: { query: paramsSchema({}) },
  responses: {
    200: jsonResponse(MeSchema, "You"),
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS),
  },
});

/** `GET /api/v1/me`. */
export function meRoutes(): Api {
  const api = newApi();
  api.openapi(ME, (context) => context.json(toMeJson(context.get("principal")), 200));
  return api;
}

function toMeJson({ kind, permissions, session, key }: Principal): z.infer<typeof MeSchema> {
  return {
    kind,
    permissions: PERMISSIONS.filter((each) => permissions.has(each)),
    user: session ? toUserJson(session.user) : null,
    key: key ? toApiKeyJson(key) : null,
  };
}
