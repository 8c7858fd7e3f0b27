import type { Context } from "hono";
import type { Clock } from "../clock.ts";
import type { Receiver, Reception } from "../delivery/receive.ts";
import { StorageError } from "../errors.ts";
import { type BodyFault, BodyReader } from "./body.ts";
import { problem } from "./problem.ts";

/** One handler: the second is the name under which others know it. */
export const DELIVERY_PATHS = ["/api/v1/webhook/github", "/api/webhooks/github"];

/** GitHub sends no larger payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap */
export const MAX_PAYLOAD_BYTES = 25 * 1024 * 1024;
const MAX_HELD_BYTES = 8 * MAX_PAYLOAD_BYTES;
/** GitHub gives up after 10 s, a GitHub Enterprise Server after 30 s. */
const BODY_LIMIT_MS = 30_000;
const RETRY_AFTER_SECONDS = 30;

export interface DeliveriesOptions {
  readonly receiver: Pick<Receiver<unknown>, "isConfigured" | "receive">;
  readonly clock: Clock;
  readonly maxHeldBytes?: number;
}

/** Where GitHub posts its deliveries. */
export class Deliveries {
  readonly #receiver: DeliveriesOptions["receiver"];
  readonly #bodies: BodyReader;

  constructor({ receiver, clock, maxHeldBytes = MAX_HELD_BYTES }: DeliveriesOptions) {
    this.#receiver = receiver;
    this.#bodies = new BodyReader({
      clock,
      maxBytes: MAX_PAYLOAD_BYTES,
      limitMs: BODY_LIMIT_MS,
      maxHeldBytes,
    });
  }

  /** Bytes of bodies that are under way. */
  get held(): number {
    return this.#bodies.held;
  }

  /** Gives up bodies that take too long, until it is disposed. */
  watch(): Disposable {
    return this.#bodies.watch();
  }

  /** Answers `POST /api/v1/webhook/github`: `{"status"}`, or a problem that says why nothing was taken in. */
  async answer(context: Context): Promise<Response> {
    if (!this.#receiver.isConfigured) {
      return problem(context, "webhook_secret_missing", {
        detail: "Cannot verify deliveries: set GITHUB_WEBHOOK_SECRET to the secret of the webhook",
      });
    }
    const request = context.req.raw;
    const body = await this.#bodies.read(request);
    if (typeof body === "string") return bodyProblem(context, body);
    try {
      const { headers } = request;
      return receptionAnswer(
        context,
        await this.#receiver.receive({
          signature: headers.get("x-hub-signature-256"),
          id: headers.get("x-github-delivery"),
          event: headers.get("x-github-event"),
          contentType: headers.get("content-type"),
          body,
        }),
      );
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return storageProblem(context, error);
    }
  }
}

function receptionAnswer(context: Context, reception: Reception): Response {
  switch (reception.status) {
    case "refused":
      return problem(context, reception.code, { detail: reception.detail });
    case "accepted":
    case "ignored":
      return context.json({ status: reception.status }, 202);
    case "done":
    case "pong":
      return context.json({ status: reception.status }, 200);
  }
}

/** What follows on the connection is the rest of a body that nobody wants: it is closed. */
function bodyProblem(context: Context, fault: BodyFault): Response {
  const headers = { Connection: "close" };
  switch (fault) {
    case "too_large":
      return problem(context, "payload_too_large", {
        detail: `Cannot take the payload: ${MAX_PAYLOAD_BYTES} bytes are allowed`,
        headers,
      });
    case "too_slow":
      return problem(context, "payload_too_slow", {
        detail: `Cannot wait for the payload: it must be here within ${BODY_LIMIT_MS / 1_000} s`,
        headers,
      });
    case "cut_off":
      return problem(context, "bad_body", { detail: "The body ended too early", headers });
    case "too_busy":
      return problem(context, "too_busy", {
        detail: "Cannot take the payload: too many are under way",
        headers: { ...headers, "Retry-After": String(RETRY_AFTER_SECONDS) },
      });
  }
}

/** Never a success: GitHub keeps what was not taken for three days, and can be asked for it. */
function storageProblem(context: Context, { kind }: StorageError): Response {
  if (kind === "full") {
    return problem(context, "storage_full", {
      detail: "Cannot keep the delivery: no room is left",
    });
  }
  return problem(context, "storage_unavailable", {
    detail: "Cannot keep the delivery: the storage does not answer",
    headers: { "Retry-After": String(RETRY_AFTER_SECONDS) },
  });
}
