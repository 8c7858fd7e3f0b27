import { assert, assertEquals } from "@std/assert";
import { type CollectedSpan, Collector } from "../fakes/collector.ts";
import { SECRET } from "../fakes/delivery.ts";
import { Program } from "../fakes/program.ts";
import { SocketClient, until } from "../fakes/socket.ts";
import { REPOSITORY, SimulatedGitHub } from "./github.ts";

const WEBHOOK = "/api/v1/webhook/github";

/** One run that ends while a client looks on: GitHub tells so by a webhook. */
async function endOfARun(environment: Record<string, string>, collector: Collector) {
  await using github = new SimulatedGitHub();
  await using program = await Program.start(["serve"], {
    ...github.environment,
    ...collector.environment,
    ...environment,
    GITHUB_WEBHOOK_SECRET: SECRET,
    // So that what is shown does not come of polling.
    POLL_INTERVAL_SECONDS: "600",
  });
  const url = await program.url();
  await using client = await SocketClient.connect(`${url}/ws`);
  await client.next();
  const callback = await fetch(`${url}/login/callback?code=not-to-be-seen&state=neither`);
  await callback.body?.cancel();
  github.simulator.hooks.add(REPOSITORY, {
    url: url + WEBHOOK,
    secret: SECRET,
    content_type: "json",
    events: ["workflow_run"],
  });
  const delivered = new AbortController();
  const delivering = github.simulator.deliver(delivered.signal);
  const run = github.world.runs(REPOSITORY)[0];
  github.world.updateRun(run?.id ?? 0, { status: "completed", conclusion: "failure" });
  await until(() => (client.frames.at(-1) ?? "").includes('"completed"'), "it is shown");
  delivered.abort();
  await delivering;
  program.kill("SIGTERM");
  assertEquals(await program.exit(), 0, program.output);
}

Deno.test("OTEL_DENO=true traces a webhook from the request to the broadcast", async () => {
  await using collector = new Collector();
  await endOfARun({ OTEL_DENO: "true" }, collector);
  const spanNamed = (spans: readonly CollectedSpan[], name: string): CollectedSpan => {
    const found = spans.filter((span) => span.name === name);
    assert(found[0] && found.length === 1, `${name} in ${JSON.stringify(spans, null, 1)}`);
    return found[0];
  };
  const request = collector.spans.find(({ name }) => name === `POST ${WEBHOOK}`);
  assert(request, JSON.stringify(collector.spans.map(({ name }) => name)));
  assertEquals(request.attributes["http.route"], WEBHOOK);
  const receive = spanNamed(collector.below(request), "delivery.receive");
  assertEquals(receive.attributes["runwire.delivery.event"], "workflow_run");
  assertEquals(receive.attributes["runwire.delivery.outcome"], "accepted");
  const store = spanNamed(collector.below(receive), "delivery.store");
  assertEquals(store.attributes["runwire.delivery.receipt"], "applied");
  const tell = spanNamed(collector.below(receive), "feed.tell");
  const broadcast = spanNamed(collector.below(tell), "broadcast");
  assertEquals(Number(broadcast.attributes["runwire.clients"]), 1);
});

Deno.test("OTEL_DENO=true exports no query of a request, and no secret", async () => {
  await using collector = new Collector();
  await endOfARun({ OTEL_DENO: "true" }, collector);
  const callback = collector.spans.find(({ name }) => name === "GET /login/callback");
  assert(callback, JSON.stringify(collector.spans.map(({ name }) => name)));
  assert(typeof callback.attributes["runwire.request_id"] === "string");
  assertEquals(callback.attributes["url.path"], "/login/callback");
  for (const secret of ["not-to-be-seen", "neither", SECRET, "ghp_never_to_be_seen"]) {
    assert(!collector.text.includes(secret), secret);
  }
});

Deno.test("Nothing is exported without OTEL_DENO=true", async () => {
  await using collector = new Collector();
  await endOfARun({}, collector);
  assertEquals(collector.text, "");
});
