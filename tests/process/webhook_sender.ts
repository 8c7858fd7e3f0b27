import { z } from "zod";
import { WEBHOOK_SECRET, webhookHeaders } from "../fakes/fixtures/delivery.ts";
import { sleep } from "../fakes/wait.ts";
import type { RunDelivery } from "./run_deliveries.ts";

/** For a program that takes these deliveries. The simulated GitHub knows none of their runs: it is not to be asked. */
export const WEBHOOK_ENVIRONMENT = {
  GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
  RECONCILE_AFTER_SECONDS: "86400",
};

/** What a delivery was answered. */
export interface ResponseSummary {
  readonly status: number;
  /** Of a problem. */
  readonly code: string | undefined;
  readonly retryAfter: string | null;
}

/** GitHub gives up then. */
const TIMEOUT_MS = 10_000;
const SENDERS = 8;
/** How long a sender rests that was refused, or got no answer. */
const RETRY_PAUSE_MS = 150;
const PROBLEM = z.object({ code: z.string() });

/** Sends deliveries to `url` as GitHub does: several at a time, and each once, whatever becomes of it. */
export class WebhookSender {
  url: string;
  /** By the delivery's id; `undefined` for those that got none. */
  readonly responses = new Map<string, ResponseSummary | undefined>();

  constructor(url: string) {
    this.url = url;
  }

  async send(deliveries: readonly RunDelivery[], { senders = SENDERS } = {}): Promise<void> {
    const left = deliveries.values();
    await Promise.all(Array.from({ length: senders }, async () => {
      for (const delivery of left) await this.#post(delivery);
    }));
  }

  /** The ids of the deliveries that were taken. */
  get acknowledged(): readonly string[] {
    return [...this.responses].flatMap(([id, answer]) => answer && isSuccess(answer) ? [id] : []);
  }

  /** What was answered to those that were not. */
  get rejections(): readonly ResponseSummary[] {
    return [...this.responses.values()].filter((answer) => answer !== undefined)
      .filter((answer) => !isSuccess(answer));
  }

  async #post(delivery: RunDelivery): Promise<void> {
    const response = await this.#fetch(delivery).catch(() => undefined);
    this.responses.set(delivery.id, response);
    if (!response || !isSuccess(response)) await sleep(RETRY_PAUSE_MS);
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
