import { z } from "@hono/zod-openapi";
import { PERMISSIONS } from "../../account/permission.ts";
import type { Principal } from "../../account/principal.ts";
import { type Api, apiRoute, newApi, nullable, ok } from "../api.ts";
import { AUTHENTICATED } from "../security.ts";
import { ApiKeySchema, toApiKeyJson } from "./api_key.ts";
import { toUserJson, UserSchema } from "./user.ts";

const MeSchema = z.object({
  kind: z.enum(["open", "session", "key"]).openapi({
    description: "`open`: sign-in is not configured and everyone has access",
  }),
  permissions: z.array(z.enum(PERMISSIONS)),
  user: nullable(UserSchema, "The user of a session"),
  key: nullable(ApiKeySchema, "The API key"),
}).openapi("Me");

const ME = apiRoute({
  operationId: "getMe",
  tag: "accounts",
  method: "get",
  path: "/api/v1/me",
  access: AUTHENTICATED,
  summary: "Get the current principal and its permissions",
  returns: ok(MeSchema, "The current principal"),
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
