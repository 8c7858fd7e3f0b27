import { createRoute, z } from "@hono/zod-openapi";
import type { Principal } from "../account/principal.ts";
import { PERMISSIONS } from "../account/permission.ts";
import { type Api, json, newApi, NOT_MODIFIED, parameters } from "./api.ts";
import { apiKeyJson, ApiKeySchema } from "./api_key_schema.ts";
import { FOR_CALLERS } from "./demand.ts";
import { problems, READ_PROBLEMS } from "./problem_schema.ts";
import { userJson, UserSchema } from "./user_schema.ts";

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
  ...FOR_CALLERS,
  summary: "Tell who asks, and what he may do",
  request: { query: parameters({}) },
  responses: {
    200: json(MeSchema, "You"),
    ...NOT_MODIFIED,
    ...problems(...READ_PROBLEMS),
  },
});

/** `GET /api/v1/me`. */
export function meRoutes(): Api {
  const api = newApi();
  api.openapi(ME, (context) => context.json(meJson(context.get("caller")), 200));
  return api;
}

function meJson({ kind, permissions, session, key }: Principal): z.infer<typeof MeSchema> {
  return {
    kind,
    permissions: PERMISSIONS.filter((each) => permissions.has(each)),
    user: session ? userJson(session.user) : null,
    key: key ? apiKeyJson(key) : null,
  };
}
