import { assert } from "@std/assert";
import { isSignatureValid } from "../../src/delivery/signature.ts";
import { sign, WEBHOOK_SECRET } from "../fakes/fixtures/delivery.ts";

const PAYLOAD = '{"action":"completed","workflow_run":{"id":7}}';

Deno.test("isSignatureValid() accepts the example in GitHub's documentation", () => {
  // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
  const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const body = new TextEncoder().encode("Hello, World!");
  assert(isSignatureValid(body, { signature, secrets: ["It's a Secret to Everybody"] }));
  assert(!isSignatureValid(body, { signature, secrets: ["it's a Secret to Everybody"] }));
  assert(!isSignatureValid(body.slice(1), { signature, secrets: ["It's a Secret to Everybody"] }));
});

Deno.test("isSignatureValid() verifies bytes that are not text", () => {
  const body = new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0xff, 0x00, 0x7d]);
  assert(isSignatureValid(body, { signature: sign(body), secrets: [WEBHOOK_SECRET] }));
  const other = new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0xfe, 0x00, 0x7d]);
  assert(!isSignatureValid(other, { signature: sign(body), secrets: [WEBHOOK_SECRET] }));
});

Deno.test("isSignatureValid() rejects missing, malformed, truncated and extended signatures", () => {
  const body = new TextEncoder().encode(PAYLOAD);
  const right = sign(PAYLOAD);
  const wrong = [
    null,
    "",
    "sha256=",
    right.slice(7),
    right.slice(0, -2),
    `${right}00`,
    ` ${right}`,
  ];
  const sha1 = right.replace("sha256", "sha1");
  for (const signature of [...wrong, sha1, right.replace(/.$/, "g"), `${right}, ${right}`]) {
    assert(!isSignatureValid(body, { signature, secrets: [WEBHOOK_SECRET] }), String(signature));
  }
});
