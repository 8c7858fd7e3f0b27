import { assertEquals } from "@std/assert";
import type { StoredEvent } from "../../src/feed/event.ts";
import type { EventNotice, EventBus } from "../../src/feed/event_bus.ts";
import { aStatus } from "../fakes/journal.ts";
import { within } from "../fakes/socket.ts";
import { until } from "../fakes/socket.ts";
import { type TestWires, untilHeard, WIRES } from "../fakes/wire.ts";

function numbered(seq: number, waiting_until: string | null = null): StoredEvent {
  return { seq, at: "2026-01-01T00:00:00.000Z", ...aStatus({ waiting_until }) };
}

/** What an instance hears from now on, but for what only asks whether it does. `stop` ends that. */
async function listen(wire: EventBus, by: EventBus) {
  const news: EventNotice[] = [];
  const stop = new AbortController();
  let isHeard = false;
  const finished = wire.listen((each) => {
    if (each.last > 0) news.push(each);
    isHeard = true;
  }, stop.signal);
  await untilHeard(by, () => isHeard);
  return {
    news,
    stop: async () => {
      stop.abort();
      await within(finished, "the end of listening");
    },
  };
}

function testOverWires(name: string, test: (wires: TestWires) => Promise<void>): void {
  for (const { kind, ignore, open } of WIRES) {
    Deno.test({
      name: `${name} (${kind})`,
      ignore,
      async fn() {
        await using wires = await open();
        await test(wires);
      },
    });
  }
}

testOverWires("Wire.publish() tells every other instance, in order", async (wires) => {
  const [a, b, c] = [await wires.join(), await wires.join(), await wires.join()];
  const [atB, atC] = [await listen(b, a), await listen(c, a)];
  a.publish([numbered(1), numbered(2)]);
  a.publish([numbered(3)]);
  const expected = [
    { last: 2, events: [numbered(1), numbered(2)] },
    { last: 3, events: [numbered(3)] },
  ];
  for (const { news, stop } of [atB, atC]) {
    await until(() => news.length >= 2, "the news is heard");
    assertEquals(news, expected);
    await stop();
  }
});

testOverWires("Wire.listen() hears from several, and nothing once it has ended", async (wires) => {
  const [a, b, c] = [await wires.join(), await wires.join(), await wires.join()];
  const [first, second] = [await listen(c, a), await listen(b, a)];
  await first.stop();
  a.publish([numbered(7)]);
  await until(() => second.news.length === 1, "the news is heard");
  await second.stop();
  assertEquals([first.news, second.news], [[], [{ last: 7, events: [numbered(7)] }]]);
});

testOverWires(
  "Wire.publish() tells of events of any size, at least by their number",
  async (wires) => {
    const [a, b] = [await wires.join(), await wires.join()];
    const { news, stop } = await listen(b, a);
    a.publish([numbered(1, "x".repeat(1_000_000)), numbered(2)]);
    await until(() => news.length === 1, "the news is heard");
    assertEquals(news[0]?.last, 2);
    await stop();
  },
);
