import { createHmac } from "node:crypto";
import type { Delivery } from "../../src/delivery/delivery.ts";

export const SECRET = "correct horse battery staple";

/** `X-Hub-Signature-256` of a body. */
export function signatureOf(body: string | Uint8Array, secret = SECRET): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

/** The headers that GitHub sends with a body. */
export function headersOf(
  body: string | Uint8Array,
  { id = crypto.randomUUID(), event = "workflow_run" }: { id?: string; event?: string } = {},
): Record<string, string> {
  return {
    "Content-Type": "application/json",
    "User-Agent": "GitHub-Hookshot/1a2b3c4",
    "X-GitHub-Delivery": id,
    "X-GitHub-Event": event,
    "X-Hub-Signature-256": signatureOf(body),
  };
}

/** A delivery that has nothing special about it. */
export function aDelivery(fields: Partial<Delivery> = {}): Delivery {
  return {
    id: "1",
    event: "workflow_run",
    action: null,
    orderingKey: "run 1",
    payload: "{}",
    ...fields,
  };
}
