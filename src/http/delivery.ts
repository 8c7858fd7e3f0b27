import type { Context } from "hono";
import type { Clock } from "../clock.ts";
import type { Receiver, ReceiveResult } from "../delivery/receiver.ts";
import { BodyReader } from "./body.ts";
import { bodyProblem } from "./body_problem.ts";
import { problem, ProblemError } from "./problem.ts";

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

/** What became of a delivery. */
export interface DeliveryOutcome {
  /** As GitHub names it; `unused` when we have no use for it, `unread` when we did not come to believe it. */
  readonly event: string;
  /** What the answer says; the code of the problem when it was refused, `failed` when it could not be kept. */
  readonly outcome: string;
}

const UNREAD = "unread";

/** Where GitHub posts its deliveries. */
export class Deliveries {
  readonly #receiver: DeliveriesOptions["receiver"];
  readonly #bodies: BodyReader;
  readonly #outcomes = new Map<string, DeliveryOutcome & { count: number }>();

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

  /** What became of all deliveries. */
  get outcomes(): Iterable<DeliveryOutcome & { readonly count: number }> {
    return this.#outcomes.values();
  }

  /** Gives up bodies that take too long, until it is disposed. */
  watch(): Disposable {
    return this.#bodies.watch();
  }

  /** Answers `POST /api/v1/webhook/github`: `{"status"}`, or a problem that says why nothing was taken in. */
  async answer(context: Context): Promise<Response> {
    try {
      return await this.#answer(context);
    } catch (error) {
      this.#count({
        event: UNREAD,
        outcome: error instanceof ProblemError ? error.code : "failed",
      });
      throw error;
    }
  }

  async #answer(context: Context): Promise<Response> {
    if (!this.#receiver.isConfigured) {
      return problem(context, "webhook_secret_missing", {
        detail: "Cannot verify deliveries: set GITHUB_WEBHOOK_SECRET to the secret of the webhook",
      });
    }
    const request = context.req.raw;
    const body = await this.#bodies.read(request);
    if (typeof body === "string") throw bodyProblem(body, LIMITS);
    const { headers } = request;
    const event = headers.get("x-github-event");
    const reception = await this.#receiver.receive({
      signature: headers.get("x-hub-signature-256"),
      id: headers.get("x-github-delivery"),
      event,
      contentType: headers.get("content-type"),
      body,
    });
    this.#count({
      event: eventOf(reception, event),
      outcome: reception.status === "refused" ? reception.code : reception.status,
    });
    return receptionAnswer(context, reception);
  }

  #count({ event, outcome }: DeliveryOutcome): void {
    const key = `${event} ${outcome}`;
    const counted = this.#outcomes.get(key) ?? { event, outcome, count: 0 };
    counted.count++;
    this.#outcomes.set(key, counted);
  }
}

/** Of what is believed and used: so there are few, whatever somebody posts. */
function eventOf({ status }: ReceiveResult, event: string | null): string {
  if (status === "pong") return "ping";
  if (status === "accepted" || status === "done") return event ?? UNREAD;
  return status === "ignored" ? "unused" : UNREAD;
}

function receptionAnswer(context: Context, reception: ReceiveResult): Response {
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
