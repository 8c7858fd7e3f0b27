import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Clock } from "../../clock.ts";
import type { Receiver, ReceiveResult } from "../../delivery/receiver.ts";
import { type Api, jsonResponse, newApi } from "../api.ts";
import { BodyReader } from "../body.ts";
import { openApiProblems, ProblemError, problemResponse, toProblemError } from "../problem.ts";
import { PUBLIC } from "../security.ts";

/** GitHub sends no larger payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap */
export const MAX_PAYLOAD_BYTES = 25 * 1024 * 1024;
const MAX_PENDING_BYTES = 8 * MAX_PAYLOAD_BYTES;
/** GitHub times out after 10 s, GitHub Enterprise Server after 30 s. */
const LIMITS = { maxBytes: MAX_PAYLOAD_BYTES, timeoutMs: 30_000 };

interface WebhookEndpointOptions {
  readonly receiver: Pick<Receiver<unknown>, "isConfigured" | "receive">;
  readonly clock: Clock;
  readonly maxPendingBytes?: number;
}

interface DeliveryOutcome {
  /** GitHub's name of the event; `unsupported` if Runwire ignores it, `unverified` if the delivery was rejected. */
  readonly event: string;
  /** The status of the response; the code of its problem if rejected, `failed` on an unexpected error. */
  readonly outcome: string;
}

const UNVERIFIED = "unverified";

/** The same handler under two paths. */
const PATHS = [
  { path: "/api/v1/webhook/github", operationId: "receiveWebhook" },
  { path: "/api/webhooks/github", operationId: "receiveWebhookAlias" },
] as const;

const toResultSchema = (...statuses: string[]) => z.object({ status: z.enum(statuses) });
const DoneSchema = toResultSchema("done", "pong").openapi("ProcessedDelivery");
const AcceptedSchema = toResultSchema("accepted", "ignored").openapi("AcceptedDelivery");

/** `POST /api/v1/webhook/github` and `POST /api/webhooks/github`. */
export function deliveryRoutes(
  { webhookEndpoint }: { readonly webhookEndpoint: WebhookEndpoint },
): Api {
  const api = newApi();
  for (const { path, operationId } of PATHS) {
    api.openAPIRegistry.registerPath({
      operationId,
      method: "post",
      path,
      tags: ["webhooks"],
      ...PUBLIC,
      summary: "Receive a GitHub webhook",
      description:
        "A delivery with a successful response is stored and applied once. https://docs.github.com/en/webhooks/webhook-events-and-payloads",
      request: {
        headers: z.object({
          "X-GitHub-Delivery": z.string().openapi({
            example: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
          }),
          "X-GitHub-Event": z.string().openapi({ example: "workflow_run" }),
          "X-Hub-Signature-256": z.string().openapi({
            description: "HMAC-SHA256 of the body with the webhook secret",
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
        200: jsonResponse(DoneSchema, "Applied before, or a ping"),
        202: jsonResponse(AcceptedSchema, "Stored, or an event that Runwire ignores"),
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
    api.post(path, (context) => webhookEndpoint.handle(context));
  }
  return api;
}

/** Receives the deliveries of GitHub. */
export class WebhookEndpoint {
  readonly #receiver: WebhookEndpointOptions["receiver"];
  readonly #bodyReader: BodyReader;
  readonly #outcomes = new Map<string, DeliveryOutcome & { count: number }>();

  constructor({ receiver, clock, maxPendingBytes = MAX_PENDING_BYTES }: WebhookEndpointOptions) {
    this.#receiver = receiver;
    this.#bodyReader = new BodyReader({ clock, ...LIMITS, maxPendingBytes });
  }

  /** Bytes of bodies in progress. */
  get pendingBytes(): number {
    return this.#bodyReader.pendingBytes;
  }

  /** The number of deliveries by event and outcome. */
  get outcomes(): Iterable<DeliveryOutcome & { readonly count: number }> {
    return this.#outcomes.values();
  }

  /** Aborts bodies that exceed the time limit, until disposed. */
  enforceTimeout(): Disposable {
    return this.#bodyReader.enforceTimeout();
  }

  /** Responds to a delivery: `{"status"}`, or a problem if it was not stored. */
  async handle(context: Context): Promise<Response> {
    try {
      return await this.#handle(context);
    } catch (error) {
      this.#count({
        event: UNVERIFIED,
        outcome: error instanceof ProblemError ? error.code : "failed",
      });
      throw error;
    }
  }

  async #handle(context: Context): Promise<Response> {
    if (!this.#receiver.isConfigured) {
      const { code, message: detail } = toProblemError("webhook_secret_missing");
      return problemResponse(context, code, { detail });
    }
    const request = context.req.raw;
    const body = await this.#bodyReader.read(request);
    const { headers } = request;
    const event = headers.get("x-github-event");
    const result = await this.#receiver.receive({
      signature: headers.get("x-hub-signature-256"),
      id: headers.get("x-github-delivery"),
      event,
      contentType: headers.get("content-type"),
      body,
    });
    this.#count({
      event: outcomeEvent(result, event),
      outcome: result.status === "rejected" ? result.code : result.status,
    });
    return toResponse(context, result);
  }

  #count({ event, outcome }: DeliveryOutcome): void {
    const key = `${event} ${outcome}`;
    const entry = this.#outcomes.get(key) ?? { event, outcome, count: 0 };
    entry.count++;
    this.#outcomes.set(key, entry);
  }
}

/** Only verified and supported events have names of their own, so that unauthenticated senders cannot add more. */
function outcomeEvent({ status }: ReceiveResult, event: string | null): string {
  if (status === "pong") return "ping";
  if (status === "accepted" || status === "done") return event ?? UNVERIFIED;
  return status === "ignored" ? "unsupported" : UNVERIFIED;
}

function toResponse(context: Context, result: ReceiveResult): Response {
  switch (result.status) {
    case "rejected":
      return problemResponse(context, result.code, { detail: result.detail });
    case "accepted":
    case "ignored":
      return context.json({ status: result.status }, 202);
    case "done":
    case "pong":
      return context.json({ status: result.status }, 200);
  }
}
