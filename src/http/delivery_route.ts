import { z } from "@hono/zod-openapi";
import { type Api, jsonResponse, newApi } from "./api.ts";
import { PUBLIC } from "./security.ts";
import type { WebhookEndpoint } from "./routes/delivery.ts";
import { openApiProblems } from "./problem_schema.ts";

/** One handler: the second is the name under which others know it. */
const PATHS = ["/api/v1/webhook/github", "/api/webhooks/github"] as const;

const receiveResultSchema = (statuses: readonly string[]) => z.object({ status: z.enum(statuses) });

/** Where GitHub posts its deliveries. */
export function deliveryRoutes({ endpoint }: { readonly endpoint: WebhookEndpoint }): Api {
  const api = newApi();
  for (const path of PATHS) {
    api.openAPIRegistry.registerPath({
      method: "post",
      path,
      tags: ["webhooks"],
      ...PUBLIC,
      summary: "Take a delivery of a GitHub webhook",
      description:
        "What is answered with success is kept, and applied once. https://docs.github.com/en/webhooks/webhook-events-and-payloads",
      request: {
        headers: z.object({
          "X-GitHub-Delivery": z.string().openapi({
            example: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
          }),
          "X-GitHub-Event": z.string().openapi({ example: "workflow_run" }),
          "X-Hub-Signature-256": z.string().openapi({
            description: "HMAC-SHA256 of the body by the secret of the webhook",
            example: "sha256=…",
          }),
        }),
        body: {
          required: true,
          content: {
            "application/json": { schema: z.looseObject({}) },
            "application/x-www-form-urlencoded": { schema: z.object({ payload: z.string() }) },
          },
        },
      },
      responses: {
        200: jsonResponse(
          receiveResultSchema(["done", "pong"]),
          "It was applied already, or was a ping",
        ),
        202: jsonResponse(
          receiveResultSchema(["accepted", "ignored"]),
          "It is kept, or there is no use for it",
        ),
        ...openApiProblems(
          "invalid_header",
          "invalid_body",
          "invalid_signature",
          "request_timeout",
          "payload_too_large",
          "unsupported_media_type",
          "internal",
          "overloaded",
          "webhook_secret_missing",
          "storage_unavailable",
          "storage_full",
        ),
      },
    });
    api.post(path, (context) => endpoint.handle(context));
  }
  return api;
}
