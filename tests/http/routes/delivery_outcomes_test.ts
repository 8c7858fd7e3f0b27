import { assertEquals } from "@std/assert";
import { WebhookEndpoint } from "../../../src/http/routes/delivery.ts";
import type { IncomingWebhook, ReceiveResult } from "../../../src/delivery/receiver.ts";
import { systemClock } from "../../../src/clock.ts";
import { StorageError } from "../../../src/errors.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";

const PATH = "/api/v1/webhook/github";

/** Returns a result that the event of the delivery names. */
function receive({ event }: IncomingWebhook): Promise<ReceiveResult> {
  if (event === "broken") return Promise.reject(new StorageError("unavailable", "Unavailable"));
  if (event === "forged") {
    return Promise.resolve({ status: "rejected", code: "invalid_signature", detail: "No" });
  }
  if (event === "ping") return Promise.resolve({ status: "pong" });
  return Promise.resolve({ status: event?.startsWith("odd") ? "ignored" : "accepted" });
}

Deno.test("Deliveries are counted by event and outcome, whatever names senders invent", async () => {
  const deliveries = new WebhookEndpoint({
    receiver: { isConfigured: true, receive },
    clock: systemClock,
  });
  await using server = await new ServerUnderTest({ deliveries }).start();
  const events = ["workflow_run", "workflow_run", "odd_1", "odd_2", "forged", "broken", "ping"];
  for (const event of events) {
    const response = await fetch(server.url + PATH, {
      method: "POST",
      headers: { "x-github-event": event, "content-type": "application/json" },
      body: "{}",
    });
    await response.body?.cancel();
  }
  assertEquals(
    [...deliveries.outcomes].map(({ event, outcome, count }) => `${event} ${outcome} ${count}`),
    [
      "workflow_run accepted 2",
      "unsupported ignored 2",
      "unverified invalid_signature 1",
      "unverified failed 1",
      "ping pong 1",
    ],
  );
});
