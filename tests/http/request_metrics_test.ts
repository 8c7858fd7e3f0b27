import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { FakeAuthenticator, keyPrincipal } from "../fakes/stores/authenticator.ts";
import { WEBHOOK_PATH, WebhookServer } from "../fakes/apps/webhook_server.ts";
import { MemoryDeliveryStore } from "../fakes/stores/delivery_store.ts";
import { CapturedLog } from "../fakes/log.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

function findRecord({ records }: CapturedLog, path: string) {
  const [record] = records.filter(({ properties }) =>
    properties["path"] === path && "ms" in properties
  );
  assert(record, path);
  return record;
}

Deno.test("Every request is logged in one record, without its query", async () => {
  await using log = await new CapturedLog().start();
  const authenticator = new FakeAuthenticator({ isOpen: false });
  authenticator.principals.set("rw_live_x", keyPrincipal({ permissions: new Set(["read"]) }));
  await using server = await new ServerUnderTest({ authenticator }).start();
  const response = await fetch(`${server.url}/api/v1/events?topics=nothing&ticket=secret`, {
    headers: { authorization: "Bearer rw_live_x", "x-request-id": "sent-by-a-test" },
  });
  await response.body?.cancel();
  const { level, message, properties } = findRecord(log, "/api/v1/events");
  assertEquals(message.join(""), `"GET" "/api/v1/events": 400`.replaceAll('"', ""));
  const { ms, ...rest } = properties;
  assert(typeof ms === "number" && ms >= 0);
  assertEquals(level, "info");
  assertEquals(rest, {
    method: "GET",
    path: "/api/v1/events",
    status: 400,
    account: authenticator.principals.get("rw_live_x")?.id,
    requestId: "sent-by-a-test",
  });
  assert(!JSON.stringify(log.records).includes("secret"));
});

Deno.test("Probes are logged at level debug, and failures as warnings", async () => {
  await using log = await new CapturedLog().start();
  await using server = await new ServerUnderTest({
    health: () => Promise.reject(new RangeError("No")),
  }).start();
  for (const path of ["/livez", "/health", `/${"x".repeat(300)}`]) {
    const response = await fetch(server.url + path);
    await response.body?.cancel();
  }
  assertEquals(findRecord(log, "/livez").level, "debug");
  assertEquals(findRecord(log, "/health").level, "warning");
  assertEquals(findRecord(log, `/${"x".repeat(199)}`).properties["status"], 404);
});

Deno.test("Webhooks are logged at level debug, and rejected webhooks at level info", async () => {
  await using log = await new CapturedLog().start();
  await using server = await new WebhookServer(new MemoryDeliveryStore(systemClock, () => []))
    .start();
  assertEquals((await server.post("{}", { event: "push" })).status, 202);
  assertEquals(findRecord(log, WEBHOOK_PATH).level, "debug");
  log.records.length = 0;
  const rejected = await server.post("{}", { headers: { "x-hub-signature-256": "sha256=00" } });
  assert(rejected.status >= 400);
  assertEquals(findRecord(log, WEBHOOK_PATH).level, "info");
});
