import { createRoute, z } from "@hono/zod-openapi";
import type { ApiKeyStore } from "../../account/api_key.ts";
import { createApiKey, isKeyName, KEY_NAME_RULE } from "../../account/new_key.ts";
import { PERMISSIONS } from "../../account/permission.ts";
import type { RandomBytes } from "../../account/secret.ts";
import type { Clock } from "../../clock.ts";
import { type Api, bodySchema, jsonResponse, newApi, NOT_MODIFIED, paramsSchema } from "../api.ts";
import { ApiKeySchema, NewApiKeySchema, toApiKeyJson } from "../api_key_schema.ts";
import { requires } from "../security.ts";
import { LINK_HEADER, listSchema, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import { ProblemError } from "../problem.ts";
import { openApiProblems, READ_PROBLEMS, WRITE_PROBLEMS } from "../problem_schema.ts";
import { idParam } from "../query.ts";

const SCOPES_RULE = `a list of ${PERMISSIONS.join(", ")}, each once`;
const CENTS_RULE = "a whole number of cents, 0 or more, or null";
const EXPIRY_RULE = "a time to come, such as 2027-01-31T00:00:00Z, or null";

const LIST = createRoute({
  method: "get",
  path: "/api/v1/keys",
  tags: ["accounts"],
  ...requires("admin"),
  summary: "List API keys",
  description: "The newest first, also those that have expired or were revoked.",
  request: { query: paramsSchema(PAGE_PARAMETERS) },
  responses: {
    200: {
      ...jsonResponse(listSchema(ApiKeySchema), "Keys, without their secrets"),
      ...LINK_HEADER,
    },
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS),
  },
});

const CREATE = createRoute({
  method: "post",
  path: "/api/v1/keys",
  tags: ["accounts"],
  ...requires("admin"),
  summary: "Make an API key",
  description: "For a program. It sees every repository; what it may do, its scopes say.",
  request: {
    body: {
      required: true,
      content: {
        "application/json": {
          schema: bodySchema({
            name: z.string({ error: KEY_NAME_RULE }).refine(isKeyName, KEY_NAME_RULE).openapi({
              minLength: 1,
              maxLength: 100,
              example: "deploy robot",
            }),
            scopes: z.array(z.enum(PERMISSIONS, { error: SCOPES_RULE }), { error: SCOPES_RULE })
              .min(1, SCOPES_RULE).refine(
                (scopes) => new Set(scopes).size === scopes.length,
                SCOPES_RULE,
              ),
            budget_cents: z.int({ error: CENTS_RULE }).min(0, CENTS_RULE).nullish().openapi({
              description: "What its casts may cost in a calendar month (UTC)",
            }),
            expires_at: z.iso.datetime({ offset: true, error: EXPIRY_RULE }).nullish(),
          }),
        },
      },
    },
  },
  responses: {
    201: {
      ...jsonResponse(NewApiKeySchema, "The key; its secret is shown this once"),
      headers: {
        Location: { description: "Where it can be revoked", schema: { type: "string" as const } },
      },
    },
    ...openApiProblems(...WRITE_PROBLEMS),
  },
});

const REVOKE = createRoute({
  method: "delete",
  path: "/api/v1/keys/{id}",
  tags: ["accounts"],
  ...requires("admin"),
  summary: "Revoke an API key",
  description:
    "It does not count from the next request on; who is connected by it is not for long.",
  request: { params: paramsSchema({ id: idParam({ description: "Our number of the key" }) }) },
  responses: {
    200: jsonResponse(ApiKeySchema, "The key, which was revoked"),
    ...openApiProblems(...READ_PROBLEMS, "not_found"),
  },
});

export interface ApiKeyRoutesOptions {
  readonly keys: Pick<ApiKeyStore, "create" | "list" | "revoke">;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** `GET`, `POST /api/v1/keys` and `DELETE /api/v1/keys/{id}`. */
export function apiKeyRoutes({ keys, clock, random }: ApiKeyRoutesOptions): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { page, per_page: perPage } = context.req.valid("query");
    const { total, keys: found } = await keys.list({ page, perPage });
    setPageLinks(context, { page, perPage, total });
    return context.json({ total_count: total, items: found.map(toApiKeyJson) }, 200);
  });
  api.openapi(CREATE, async (context) => {
    const { name, scopes, budget_cents, expires_at } = context.req.valid("json");
    const expiresAt = expires_at ? Date.parse(expires_at) : null;
    if (expiresAt !== null && expiresAt <= clock.now()) {
      throw new ProblemError(
        "invalid_body",
        `Cannot use expires_at="${expires_at}": allowed is ${EXPIRY_RULE}`,
      );
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
    if (key) return context.json(toApiKeyJson(key), 200);
    throw new ProblemError("not_found", `Cannot find key ${id}: there is none of that number`);
  });
  return api;
}
