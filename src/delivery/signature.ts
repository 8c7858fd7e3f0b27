import { createHmac, timingSafeEqual } from "node:crypto";

const SIGNATURE = /^sha256=([0-9a-f]{64})$/;

/**
 * Whether `signature`, the value of `X-Hub-Signature-256`, matches the body and one of the secrets. Compares in constant time
 * (docs/decisions/webhook_verification.md).
 * https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function isSignatureValid(
  body: Uint8Array,
  { signature, secrets }: { signature: string | null; secrets: readonly string[] },
): boolean {
  const [, hex] = SIGNATURE.exec(signature ?? "") ?? [];
  if (hex === undefined) return false;
  const claimed = Uint8Array.fromHex(hex);
  return secrets.some((secret) =>
    timingSafeEqual(claimed, createHmac("sha256", secret).update(body).digest())
  );
}
