import { z } from "@hono/zod-openapi";
import {
  type ApiKey,
  type ApiKeyStore,
  createApiKey,
  isKeyName,
  KEY_NAME_RULE,
} from "../../account/api_key.ts";
import type { RandomBytes } from "../../account/crypto.ts";
import { PERMISSIONS } from "../../account/permission.ts";
import type { Clock } from "../../clock.ts";
import { invalidValue } from "../../error_text.ts";
import { type Api, apiRoute, bodyRoute, created, newApi, ok } from "../api.ts";
import { okList, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import { bodySchema, idParam, paramsSchema } from "../params.ts";
import { notFoundProblem, ProblemError } from "../problem.ts";
import { requires } from "../security.ts";
import { Timestamp, toTimestamp } from "../timestamp.ts";

const SCOPES_RULE = `a list of ${PERMISSIONS.join(", ")}, each at most once`;
const CENTS_RULE = "an integer number of cents from 0, or null";
const EXPIRY_RULE = "a time in the future, such as 2027-01-31T00:00:00Z, or null";

export const ApiKeySchema = z.object({
  id: z.int().openapi({ example: 3 }),
  name: z.string().openapi({ example: "deploy robot" }),
  prefix: z.string().openapi({
    description: "First characters of the key, to recognize it by",
    example: "rw_live_4fGh",
  }),
  scopes: z.array(z.enum(PERMISSIONS)).openapi({ description: "Permissions of the key" }),
  budget_cents: z.int().min(0).nullable().openapi({
    description: "Cast budget per calendar month (UTC); `null` if unlimited",
  }),
  created_at: Timestamp,
  expires_at: Timestamp.nullable(),
  used_at: Timestamp.nullable().openapi({ description: "Last use, to the minute" }),
  revoked_at: Timestamp.nullable(),
}).openapi("ApiKey");

const CreatedApiKeySchema = ApiKeySchema.extend({
  key: z.string().openapi({ description: "The key itself, which is only shown in this response" }),
}).openapi("CreatedApiKey");

const NewApiKeySchema = bodySchema({
  name: z.string({ error: KEY_NAME_RULE }).refine(isKeyName, KEY_NAME_RULE).openapi({
    minLength: 1,
    maxLength: 100,
    example: "deploy robot",
  }),
  scopes: z.array(z.enum(PERMISSIONS, { error: SCOPES_RULE }), { error: SCOPES_RULE })
    .min(1, SCOPES_RULE)
    .refine((scopes) => new Set(scopes).size === scopes.length, SCOPES_RULE),
  budget_cents: z.int({ error: CENTS_RULE }).min(0, CENTS_RULE).nullish().openapi({
    description: "Cast budget per calendar month (UTC)",
  }),
  expires_at: z.iso.datetime({ offset: true, error: EXPIRY_RULE }).nullish(),
}).openapi("NewApiKey");

const LIST = apiRoute({
  operationId: "listApiKeys",
  tag: "accounts",
  method: "get",
  path: "/api/v1/keys",
  access: requires("admin"),
  summary: "List API keys",
  description: "Newest first, including expired and revoked keys.",
  query: paramsSchema(PAGE_PARAMETERS),
  returns: okList("ApiKeyList", ApiKeySchema, "API keys, without their secrets"),
});

const CREATE = bodyRoute({
  operationId: "createApiKey",
  tag: "accounts",
  method: "post",
  path: "/api/v1/keys",
  access: requires("admin"),
  summary: "Create an API key",
  description: "For a program. The key sees every repository; its scopes are its permissions.",
  body: NewApiKeySchema,
  returns: created(
    CreatedApiKeySchema,
    "The key; its secret is only shown in this response",
    "URL to revoke the key",
  ),
});

const REVOKE = apiRoute({
  operationId: "revokeApiKey",
  tag: "accounts",
  method: "delete",
  path: "/api/v1/keys/{id}",
  access: requires("admin"),
  summary: "Revoke an API key",
  description: "Takes effect on the next request; open connections are closed shortly after.",
  params: paramsSchema({ id: idParam({ description: "API key ID" }) }),
  returns: ok(ApiKeySchema, "The revoked key"),
  problems: ["not_found"],
});

interface ApiKeyRoutesOptions {
  readonly keys: Pick<ApiKeyStore, "create" | "list" | "revoke">;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** `GET`, `POST /api/v1/keys` and `DELETE /api/v1/keys/{id}`. */
export function apiKeyRoutes({ keys, clock, random }: ApiKeyRoutesOptions): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { page, per_page: perPage } = context.req.valid("query");
    const { total, ...list } = await keys.list({ page, perPage });
    setPageLinks(context, { page, perPage, total });
    return context.json({ total_count: total, items: list.keys.map(toApiKeyJson) }, 200);
  });
  api.openapi(CREATE, async (context) => {
    const { name, scopes, budget_cents, expires_at } = context.req.valid("json");
    const expiresAt = expires_at ? Date.parse(expires_at) : null;
    if (expiresAt !== null && expiresAt <= clock.now()) {
      throw new ProblemError("invalid_body", invalidValue("expires_at", expires_at, EXPIRY_RULE));
    }
    const { key, secret } = await createApiKey(
      { name, scopes, budgetCents: budget_cents ?? null, expiresAt },
      { keys, random },
    );
    context.header("Cache-Control", "no-store");
    context.header("Location", `/api/v1/keys/${key.id}`);
    return context.json({ ...toApiKeyJson(key), key: secret }, 201);
  });
  api.openapi(REVOKE, async (context) => {
    const { id } = context.req.valid("param");
    const key = await keys.revoke(id);
    if (!key) throw notFoundProblem("Key", id);
    return context.json(toApiKeyJson(key), 200);
  });
  return api;
}

export function toApiKeyJson(key: ApiKey): z.infer<typeof ApiKeySchema> {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: [...key.scopes],
    budget_cents: key.budgetCents,
    created_at: toTimestamp(key.createdAt),
    expires_at: toTimestamp(key.expiresAt),
    used_at: toTimestamp(key.lastUsedAt),
    revoked_at: toTimestamp(key.revokedAt),
  };
}
