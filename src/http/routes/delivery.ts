import type { Context } from "hono";
import type { Clock } from "../../clock.ts";
import type { Receiver, ReceiveResult } from "../../delivery/receiver.ts";
import { BodyReader } from "../body.ts";
import { ProblemError, problemResponse } from "../problem.ts";

/** GitHub sends no larger payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap */
export const MAX_PAYLOAD_BYTES = 25 * 1024 * 1024;
const MAX_PENDING_BYTES = 8 * MAX_PAYLOAD_BYTES;
/** GitHub gives up after 10 s, a GitHub Enterprise Server after 30 s. */
const LIMITS = { maxBytes: MAX_PAYLOAD_BYTES, timeoutMs: 30_000 };

export interface WebhookEndpointOptions {
  readonly receiver: Pick<Receiver<unknown>, "isConfigured" | "receive">;
  readonly clock: Clock;
  readonly maxHeldBytes?: number;
}

/** What became of a delivery. */
export interface DeliveryOutcome {
  /** As GitHub names it; `unused` when we have no use for it, `unread` when we did not come to believe it. */
  readonly event: string;
  /** What the answer says; the code of the problem when it was refused, `failed` when it could not be kept. */
  readonly outcome: string;
}

const UNVERIFIED = "unverified";

/** Where GitHub posts its deliveries. */
export class WebhookEndpoint {
  readonly #receiver: WebhookEndpointOptions["receiver"];
  readonly #bodyReader: BodyReader;
  readonly #outcomes = new Map<string, DeliveryOutcome & { count: number }>();

  constructor({ receiver, clock, maxHeldBytes = MAX_PENDING_BYTES }: WebhookEndpointOptions) {
    this.#receiver = receiver;
    this.#bodyReader = new BodyReader({
      clock,
      ...LIMITS,
      maxHeldBytes,
    });
  }

  /** Bytes of bodies that are under way. */
  get pendingBytes(): number {
    return this.#bodyReader.pendingBytes;
  }

  /** What became of all deliveries. */
  get outcomes(): Iterable<DeliveryOutcome & { readonly count: number }> {
    return this.#outcomes.values();
  }

  /** Gives up bodies that take too long, until it is disposed. */
  enforceTimeout(): Disposable {
    return this.#bodyReader.enforceTimeout();
  }

  /** Answers `POST /api/v1/webhook/github`: `{"status"}`, or a problem that says why nothing was taken in. */
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
      return problemResponse(context, "webhook_secret_missing", {
        detail: "Cannot verify deliveries: set GITHUB_WEBHOOK_SECRET to the secret of the webhook",
      });
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
      outcome: result.status === "refused" ? result.code : result.status,
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

/** Of what is believed and used: so there are few, whatever somebody posts. */
function outcomeEvent({ status }: ReceiveResult, event: string | null): string {
  if (status === "pong") return "ping";
  if (status === "accepted" || status === "done") return event ?? UNVERIFIED;
  return status === "ignored" ? "unsupported" : UNVERIFIED;
}

function toResponse(context: Context, result: ReceiveResult): Response {
  switch (result.status) {
    case "refused":
      return problemResponse(context, result.code, { detail: result.detail });
    case "accepted":
    case "ignored":
      return context.json({ status: result.status }, 202);
    case "done":
    case "pong":
      return context.json({ status: result.status }, 200);
  }
}
