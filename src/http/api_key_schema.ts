import { z } from "@hono/zod-openapi";
import type { ApiKey } from "../account/api_key.ts";
import { PERMISSIONS } from "../account/permission.ts";
import { Timestamp, toTimestamp } from "./user_schema.ts";

export const ApiKeySchema = z.object({
  id: z.int().openapi({ example: 3 }),
  name: z.string().openapi({ example: "deploy robot" }),
  prefix: z.string().openapi({
    description: "How the key begins, by which a person knows it again",
    example: "rw_live_4fGh",
  }),
  scopes: z.array(z.enum(PERMISSIONS)).openapi({ description: "What it may do" }),
  budget_cents: z.int().min(0).nullable().openapi({
    description: "What its casts may cost in a calendar month (UTC); `null` for no bound",
  }),
  created_at: Timestamp,
  expires_at: Timestamp.nullable(),
  used_at: Timestamp.nullable().openapi({ description: "When last used, to the minute" }),
  revoked_at: Timestamp.nullable(),
}).openapi("ApiKey");

export const NewApiKeySchema = ApiKeySchema.extend({
  key: z.string().openapi({ description: "The key itself: it is shown this once" }),
}).openapi("NewApiKey");

export function toApiKeyJson(key: ApiKey): z.infer<typeof ApiKeySchema> {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: [...key.scopes],
    budget_cents: key.budgetCents,
    created_at: toTimestamp(key.createdAt),
    expires_at: key.expiresAt === null ? null : toTimestamp(key.expiresAt),
    used_at: key.lastUsedAt === null ? null : toTimestamp(key.lastUsedAt),
    revoked_at: key.revokedAt === null ? null : toTimestamp(key.revokedAt),
  };
}
