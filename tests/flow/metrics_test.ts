import { assert, assertEquals } from "@std/assert";
import { AppUnderTest } from "../fakes/apps/app.ts";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import { isRedisAvailable, REDIS_URL } from "../fakes/redis.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil } from "../fakes/wait.ts";

/** The values of `/metrics`, by name and labels as written there. */
async function fetchMetrics(url: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

Deno.test("GET /metrics reports the metrics of the whole program", async () => {
  await using app = new AppUnderTest();
  app.world.addRepository({ full_name: "octo/app" });
  app.world.addRun("octo/app");
  await app.start();
  await using client = await WebSocketClient.connect(app.socketUrl);
  const frame = await client.next();
  const metrics = await fetchMetrics(app.url);
  const value = (name: string) => metrics.get(name);
  assertEquals(value('runwire_connections{protocol="websocket"}'), 1);
  assertEquals(value('runwire_connections{protocol="sse"}'), 0);
  assertEquals(value("runwire_connection_slots"), 20_000);
  assert((value('runwire_frames_sent_total{protocol="websocket"}') ?? 0) >= 1);
  assert((value('runwire_sent_bytes_total{protocol="websocket"}') ?? 0) >= frame.length);
  assert((value("runwire_snapshots_total") ?? 0) >= 1);
  assertEquals(value('runwire_poller_state{state="polling"}'), 1);
  assertEquals(value('runwire_poller_state{state="waiting"}'), 0);
  assertEquals(value("runwire_lease_held"), 1);
  assertEquals(value("runwire_github_rate_limit"), 5_000);
  assert((value("runwire_github_requests_total") ?? 0) >= 2);
  assert((value("runwire_feed_last_seq") ?? 0) >= 2);
  assertEquals(value('runwire_service_up{service="sqlite"}'), 1);
  assertEquals(value("runwire_deliveries_waiting"), 0);
  assert((value('runwire_database_seconds_count{operation="write"}') ?? 0) > 0);
  assert((value("process_resident_memory_bytes") ?? 0) > 1e6);
  assert((value("process_cpu_seconds_total") ?? 0) > 0);
  assert(Math.abs((value("process_start_time_seconds") ?? 0) - Date.now() / 1_000) < 3_600);
  const delayCount = "runwire_event_loop_delay_seconds_count";
  const isMeasured = async () => ((await fetchMetrics(app.url)).get(delayCount) ?? 0) > 0;
  await waitUntil(isMeasured, "the event loop delay is measured");
});

Deno.test({
  name: "GET /metrics and /health include PostgreSQL and Redis if configured",
  ignore: !await isPostgresAvailable() || !await isRedisAvailable(),
  async fn() {
    await using schema = await createTestSchema();
    await using app = await new AppUnderTest({
      environment: { DATABASE_URL: schema.url, REDIS_URL },
    }).start();
    await waitUntil(async () => {
      const { status, services } = await (await fetch(`${app.url}/health`)).json();
      assertEquals(Object.keys(services), ["postgres", "redis"]);
      return status === "healthy";
    }, "all services are up");
    const metrics = await fetchMetrics(app.url);
    assertEquals(metrics.get('runwire_service_up{service="postgres"}'), 1);
    assertEquals(metrics.get('runwire_service_up{service="redis"}'), 1);
    assert((metrics.get("runwire_redis_seconds_count") ?? 0) > 0);
  },
});

Deno.test("GET /health is 503 while Redis is unavailable, and reports each service", async () => {
  await using app = await new AppUnderTest({
    // No server listens on this port.
    environment: { REDIS_URL: "redis://127.0.0.1:1" },
  }).start();
  const response = await fetch(`${app.url}/health`);
  assertEquals(response.status, 503);
  assertEquals(response.headers.get("cache-control"), "no-store");
  const { status, services } = await response.json();
  assertEquals([status, services], ["unhealthy", { sqlite: "up", redis: "down" }]);
  const metrics = await fetchMetrics(app.url);
  assertEquals(metrics.get('runwire_service_up{service="redis"}'), 0);
});
