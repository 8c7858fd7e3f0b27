import type { Clock } from "../../clock.ts";
import { createHmac } from "node:crypto";

export interface Webhook {
  readonly id: number;
  /** `owner/name`; `null` for the webhook of the app. */
  readonly repository: string | null;
  readonly url: string;
  /** `null` disables signatures. */
  readonly secret: string | null;
  /** For example `workflow_run`; `*` for all. */
  readonly events: readonly string[];
  readonly content_type: "json" | "form";
  readonly active: boolean;
  readonly created_at: string;
}

/** The fields of a new webhook; defaults: no secret, only `push`, JSON. */
export type WebhookFields =
  & Pick<Webhook, "url">
  & Partial<Pick<Webhook, "secret" | "events" | "content_type" | "active">>;

/** A delivery, sent once or several times. */
export interface Delivery {
  /** The same for every webhook of the event, and for every attempt. */
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly repository_id: number | null;
  readonly installation_id: number | null;
  /** JSON. */
  readonly payload: string;
}

export interface DeliveryAttempt extends Delivery {
  /** Exceeds the precision of a number, as on GitHub. */
  readonly id: bigint;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly redelivery: boolean;
  /** Seconds. */
  readonly duration: number;
  /** GitHub's text, for example `OK` or `Invalid HTTP Response: 503`. */
  readonly status: string;
  readonly status_code: number;
}

/** https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries */
const TIMEOUT_MS = 10_000;

/** Sends a delivery and reads the whole response. Redirects are not followed. */
export async function sendDelivery(webhook: Webhook, delivery: Delivery, { clock, signal }: {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<Pick<DeliveryAttempt, "status" | "status_code">> {
  const timeout = new AbortController();
  const ended = new AbortController();
  const timer = clock.sleep(TIMEOUT_MS, AbortSignal.any([signal, ended.signal]));
  void timer.then(() => timeout.abort());
  const body = webhook.content_type === "json"
    ? delivery.payload
    : new URLSearchParams({ payload: delivery.payload }).toString();
  try {
    const response = await fetch(webhook.url, {
      method: "POST",
      headers: toDeliveryHeaders(webhook, delivery, body),
      body,
      redirect: "manual",
      signal: timeout.signal,
    });
    await response.arrayBuffer();
    const { ok, status } = response;
    return { status: ok ? "OK" : `Invalid HTTP Response: ${status}`, status_code: status };
  } catch {
    return timeout.signal.aborted
      ? { status: "timed out", status_code: 504 }
      : { status: "failed to connect to host", status_code: 502 };
  } finally {
    ended.abort();
    await timer;
  }
}

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers */
export function toDeliveryHeaders(
  webhook: Webhook,
  delivery: Delivery,
  body: string,
): Record<string, string> {
  const sign = (hash: string) =>
    `${hash}=${createHmac(hash, webhook.secret ?? "").update(body).digest("hex")}`;
  const target = webhook.repository === null ? delivery.installation_id : delivery.repository_id;
  return {
    accept: "*/*",
    "content-type": webhook.content_type === "json"
      ? "application/json"
      : "application/x-www-form-urlencoded",
    "user-agent": "GitHub-Hookshot/51b0c3e",
    "x-github-delivery": delivery.guid,
    "x-github-event": delivery.event,
    "x-github-hook-id": String(webhook.id),
    "x-github-hook-installation-target-id": String(target),
    "x-github-hook-installation-target-type": webhook.repository === null
      ? "integration"
      : "repository",
    ...(webhook.secret === null
      ? {}
      : { "x-hub-signature": sign("sha1"), "x-hub-signature-256": sign("sha256") }),
  };
}
