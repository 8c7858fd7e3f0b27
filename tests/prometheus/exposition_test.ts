import { assert, assertEquals } from "@std/assert";
import { LatencyHistogram } from "../../src/latency_histogram.ts";
import { deliveryMetrics } from "../../src/prometheus/delivery.ts";
import { EventLoopDelay } from "../../src/prometheus/event_loop_delay.ts";
import { Exposition } from "../../src/prometheus/exposition.ts";
import { systemClock } from "../../src/clock.ts";
import { ManualClock } from "../fakes/clock.ts";

/** The samples, without comments. */
async function readLines(exposition: Exposition): Promise<string[]> {
  const text = await exposition.text();
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

Deno.test("Exposition exports a histogram with cumulative buckets", async () => {
  const latency = new LatencyHistogram([0.1, 1]);
  for (const seconds of [0.05, 0.1, 0.5, 7]) latency.observe(seconds);
  const exposition = new Exposition();
  exposition.histogram({ name: "h", help: "H" }, () => [[{ kind: "a" }, latency]]);
  assertEquals(await readLines(exposition), [
    'h_bucket{le="0.1",kind="a"} 2',
    'h_bucket{le="1",kind="a"} 3',
    'h_bucket{le="+Inf",kind="a"} 4',
    'h_sum{kind="a"} 7.65',
    'h_count{kind="a"} 4',
  ]);
});

Deno.test("Exposition reads the values on each request, and omits unknown ones", async () => {
  let value: number | undefined = 3;
  const exposition = new Exposition();
  exposition.gauge({ name: "g", help: "G" }, () => value);
  exposition.gauge({ name: "failing", help: "F" }, () => Promise.reject(new Error("No")));
  exposition.counter({ name: "c", help: "C", labels: ["x"] }, () => [[{ x: "1" }, value ?? 9]]);
  assertEquals(await readLines(exposition), ["g 3", 'c{x="1"} 3']);
  value = undefined;
  assertEquals(await readLines(exposition), ['c{x="1"} 9']);
  value = 0;
  assertEquals(await readLines(exposition), ["g 0", 'c{x="1"} 0']);
});

Deno.test("LatencyHistogram.time() also observes failures", async () => {
  const latency = new LatencyHistogram();
  await latency.time(() => Promise.reject(new Error("No"))).catch(() => {});
  assertEquals(latency.counts.reduce((a, b) => a + b), 1);
  assertEquals(await latency.time(() => Promise.resolve(7)), 7);
});

Deno.test("deliveryMetrics() reads the backlog once per scrape, and exports its age", async () => {
  let reads = 0;
  const exposition = new Exposition();
  deliveryMetrics(exposition, {
    received: { outcomes: [{ event: "workflow_run", outcome: "accepted", count: 2 }] },
    inbox: { outcomes: { applied: 1, failed: 2, parked: 3 } },
    backlog: () => {
      reads++;
      return Promise.resolve({ waiting: 4, parked: 3, oldestReceivedAt: 10_000 });
    },
    clock: new ManualClock(70_000),
  });
  const lines = await readLines(exposition);
  assertEquals(reads, 1);
  for (
    const line of [
      'runwire_deliveries_total{event="workflow_run",outcome="accepted"} 2',
      'runwire_delivery_applications_total{outcome="parked"} 3',
      "runwire_deliveries_waiting 4",
      "runwire_delivery_oldest_waiting_seconds 60",
    ]
  ) assert(lines.includes(line), line);
  await readLines(exposition);
  assertEquals(reads, 2);
});

Deno.test("EventLoopDelay measures how long the event loop was blocked", async () => {
  const stop = new AbortController();
  const loop = new EventLoopDelay(systemClock);
  const finished = loop.run(stop.signal);
  await systemClock.sleep(20);
  const until = Date.now() + 600;
  while (Date.now() < until);
  await systemClock.sleep(5);
  stop.abort();
  await finished;
  assert(loop.histogram.sum > 0.3 && loop.histogram.sum < 5, String(loop.histogram.sum));
});
