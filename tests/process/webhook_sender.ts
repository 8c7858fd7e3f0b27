import { z } from "zod";
import { WEBHOOK_SECRET, webhookHeaders } from "../fakes/fixtures/delivery.ts";
import { sleep } from "../fakes/wait.ts";
import type { RunDelivery } from "./run_deliveries.ts";

/** The environment of a program that accepts these deliveries. The simulated GitHub has none of their runs, so the program must not request them. */
export const WEBHOOK_ENVIRONMENT = {
  GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
  RECONCILE_AFTER_SECONDS: "86400",
};

/** The response to a delivery. */
export interface ResponseSummary {
  readonly status: number;
  /** The code of a problem. */
  readonly code: string | undefined;
  readonly retryAfter: string | null;
}

/** GitHub's time limit for a response. */
const TIMEOUT_MS = 10_000;
const SENDERS = 8;
const PROBLEM = z.object({ code: z.string() });

/** Sends deliveries to `url` as GitHub does: several at a time, and each one once, whatever the response. */
export class WebhookSender {
  url: string;
  /** By the id of the delivery; `undefined` if there was no response. */
  readonly responses = new Map<string, ResponseSummary | undefined>();
  readonly #retryPauseMs: number;

  /** @param retryPauseMs the pause of a sender after a failed delivery */
  constructor(url: string, { retryPauseMs = 150 } = {}) {
    this.url = url;
    this.#retryPauseMs = retryPauseMs;
  }

  async send(deliveries: readonly RunDelivery[], { senders = SENDERS } = {}): Promise<void> {
    const left = deliveries.values();
    await Promise.all(Array.from({ length: senders }, async () => {
      for (const delivery of left) await this.#post(delivery);
    }));
  }

  /** The ids of the accepted deliveries. */
  get acknowledged(): readonly string[] {
    return [...this.responses].flatMap(([id, response]) =>
      response && isSuccess(response) ? [id] : []
    );
  }

  /** The responses to the deliveries that were not accepted. */
  get rejections(): readonly ResponseSummary[] {
    return [...this.responses.values()].filter((response) => response !== undefined)
      .filter((response) => !isSuccess(response));
  }

  async #post(delivery: RunDelivery): Promise<void> {
    const response = await this.#fetch(delivery).catch(() => undefined);
    this.responses.set(delivery.id, response);
    if (!response || !isSuccess(response)) await sleep(this.#retryPauseMs);
  }

  async #fetch({ id, body }: RunDelivery): Promise<ResponseSummary> {
    const response = await fetch(`${this.url}/api/v1/webhook/github`, {
      method: "POST",
      headers: webhookHeaders(body, { id }),
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { status, headers } = response;
    const code = PROBLEM.safeParse(await response.json()).data?.code;
    return { status, code, retryAfter: headers.get("retry-after") };
  }
}

function isSuccess({ status }: ResponseSummary): boolean {
  return status >= 200 && status < 300;
}
