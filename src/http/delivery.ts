import type { Context } from "hono";
import type { Clock } from "../clock.ts";
import type { Receiver, Reception } from "../delivery/receive.ts";
import { BodyReader } from "./body.ts";
import { bodyProblem } from "./body_problem.ts";
import { problem } from "./problem.ts";

/** GitHub sends no larger payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap */
export const MAX_PAYLOAD_BYTES = 25 * 1024 * 1024;
const MAX_HELD_BYTES = 8 * MAX_PAYLOAD_BYTES;
/** GitHub gives up after 10 s, a GitHub Enterprise Server after 30 s. */
const LIMITS = { maxBytes: MAX_PAYLOAD_BYTES, limitMs: 30_000 };

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
      ...LIMITS,
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
    if (typeof body === "string") throw bodyProblem(body, LIMITS);
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
