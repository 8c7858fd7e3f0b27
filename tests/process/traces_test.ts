import { assert, assertEquals } from "@std/assert";
import { type CollectedSpan, OtlpCollector } from "../fakes/otlp_collector.ts";
import { WEBHOOK_SECRET } from "../fakes/fixtures/delivery.ts";
import { Program } from "../fakes/program.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil } from "../fakes/wait.ts";
import { REPOSITORY, SimulatedGitHub } from "./github.ts";

const WEBHOOK = "/api/v1/webhook/github";

/** Completes a run by a webhook while a client is connected. */
async function runWithWebhook(environment: Record<string, string>, collector: OtlpCollector) {
  await using github = new SimulatedGitHub();
  await using program = await Program.start(["serve"], {
    ...github.environment,
    ...collector.environment,
    ...environment,
    GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
    // Polling finds no change.
    POLL_INTERVAL_SECONDS: "600",
  });
  const url = await program.url();
  await using client = await WebSocketClient.connect(`${url}/ws`);
  await client.next();
  const callback = await fetch(`${url}/login/callback?code=not-to-be-seen&state=neither`);
  await callback.body?.cancel();
  github.simulator.webhooks.add(REPOSITORY, {
    url: url + WEBHOOK,
    secret: WEBHOOK_SECRET,
    content_type: "json",
    events: ["workflow_run"],
  });
  const delivered = new AbortController();
  const delivering = github.simulator.deliver(delivered.signal);
  const run = github.world.runs(REPOSITORY)[0];
  github.world.updateRun(run?.id ?? 0, { status: "completed", conclusion: "failure" });
  await waitUntil(() => (client.frames.at(-1) ?? "").includes('"completed"'), "it is shown");
  delivered.abort();
  await delivering;
  program.kill("SIGTERM");
  assertEquals(await program.exit(), 0, program.output);
}

Deno.test("OTEL_DENO=true traces a webhook from the request to the broadcast", async () => {
  await using collector = new OtlpCollector();
  await runWithWebhook({ OTEL_DENO: "true" }, collector);
  const spanNamed = (spans: readonly CollectedSpan[], name: string): CollectedSpan => {
    const found = spans.filter((span) => span.name === name);
    assert(found[0] && found.length === 1, `${name} in ${JSON.stringify(spans, null, 1)}`);
    return found[0];
  };
  const request = collector.spans.find(({ name }) => name === `POST ${WEBHOOK}`);
  assert(request, JSON.stringify(collector.spans.map(({ name }) => name)));
  assertEquals(request.attributes["http.route"], WEBHOOK);
  const receive = spanNamed(collector.childrenOf(request), "delivery.receive");
  assertEquals(receive.attributes["runwire.delivery.event"], "workflow_run");
  assertEquals(receive.attributes["runwire.delivery.outcome"], "accepted");
  const store = spanNamed(collector.childrenOf(receive), "delivery.store");
  assertEquals(store.attributes["runwire.delivery.status"], "applied");
  const emit = spanNamed(collector.childrenOf(receive), "feed.emit");
  const broadcast = spanNamed(collector.childrenOf(emit), "broadcast");
  assertEquals(Number(broadcast.attributes["runwire.clients"]), 1);
});

Deno.test("OTEL_DENO=true exports no query of a request, and no secret", async () => {
  await using collector = new OtlpCollector();
  await runWithWebhook({ OTEL_DENO: "true" }, collector);
  const callback = collector.spans.find(({ name }) => name === "GET /login/callback");
  assert(callback, JSON.stringify(collector.spans.map(({ name }) => name)));
  assert(typeof callback.attributes["runwire.request_id"] === "string");
  assertEquals(callback.attributes["url.path"], "/login/callback");
  for (const secret of ["not-to-be-seen", "neither", WEBHOOK_SECRET, "ghp_never_to_be_seen"]) {
    assert(!collector.receivedText.includes(secret), secret);
  }
});

Deno.test("Nothing is exported without OTEL_DENO=true", async () => {
  await using collector = new OtlpCollector();
  await runWithWebhook({}, collector);
  assertEquals(collector.receivedText, "");
});
