import { assertEquals } from "@std/assert";
import type { StoredEvent } from "../../src/feed/event.ts";
import type { EventBus, EventNotice } from "../../src/feed/event_bus.ts";
import { aStatus } from "../fakes/stores/event_log.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";
import { EVENT_BUSES, type TestEventBuses, waitUntilReceived } from "../fakes/stores/event_bus.ts";

function toStoredEvent(seq: number, waiting_until: string | null = null): StoredEvent {
  return { seq, at: "2026-01-01T00:00:00.000Z", ...aStatus({ waiting_until }) };
}

/** Collects the notices that an instance receives, without the probes for its subscription, until `stop` is called. */
async function listen(eventBus: EventBus, publisher: EventBus) {
  const notices: EventNotice[] = [];
  const stop = new AbortController();
  let isReceived = false;
  const finished = eventBus.listen((each) => {
    if (each.lastSeq > 0) notices.push(each);
    isReceived = true;
  }, stop.signal);
  await waitUntilReceived(publisher, () => isReceived);
  return {
    notices,
    stop: async () => {
      stop.abort();
      await withTimeout(finished, "the end of listening");
    },
  };
}

function testOverEventBuses(name: string, test: (buses: TestEventBuses) => Promise<void>): void {
  for (const { kind, ignore, open } of EVENT_BUSES) {
    Deno.test({
      name: `${name} (${kind})`,
      ignore,
      async fn() {
        await using buses = await open();
        await test(buses);
      },
    });
  }
}

testOverEventBuses("EventBus.publish() notifies every other instance, in order", async (buses) => {
  const [a, b, c] = [
    await buses.addInstance(),
    await buses.addInstance(),
    await buses.addInstance(),
  ];
  const [atB, atC] = [await listen(b, a), await listen(c, a)];
  a.publish([toStoredEvent(1), toStoredEvent(2)]);
  a.publish([toStoredEvent(3)]);
  const expected = [
    { lastSeq: 2, events: [toStoredEvent(1), toStoredEvent(2)] },
    { lastSeq: 3, events: [toStoredEvent(3)] },
  ];
  for (const { notices, stop } of [atB, atC]) {
    await waitUntil(() => notices.length >= 2, "the notices arrive");
    assertEquals(notices, expected);
    await stop();
  }
});

testOverEventBuses(
  "EventBus.listen() receives notices of several instances until it ends",
  async (buses) => {
    const [a, b, c] = [
      await buses.addInstance(),
      await buses.addInstance(),
      await buses.addInstance(),
    ];
    const [first, second] = [await listen(c, a), await listen(b, a)];
    await first.stop();
    a.publish([toStoredEvent(7)]);
    await waitUntil(() => second.notices.length === 1, "the notices arrive");
    await second.stop();
    assertEquals([first.notices, second.notices], [[], [{
      lastSeq: 7,
      events: [toStoredEvent(7)],
    }]]);
  },
);

testOverEventBuses(
  "EventBus.publish() reports events of any size, at least their numbers",
  async (buses) => {
    const [a, b] = [await buses.addInstance(), await buses.addInstance()];
    const { notices, stop } = await listen(b, a);
    a.publish([toStoredEvent(1, "x".repeat(1_000_000)), toStoredEvent(2)]);
    await waitUntil(() => notices.length === 1, "the notices arrive");
    assertEquals(notices[0]?.lastSeq, 2);
    await stop();
  },
);
