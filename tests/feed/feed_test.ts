import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import type { NumberedEvent, StatusEvent } from "../../src/feed/event.ts";
import { Feed } from "../../src/feed/feed.ts";

const RESTING: StatusEvent = {
  type: "status",
  repository: null,
  data: { state: "resting", waiting_until: null },
};

Deno.test("Feed.publish() numbers events from 1 and tells every subscriber", () => {
  using _time = new FakeTime("2026-01-01T00:00:00Z");
  const feed = new Feed(systemClock);
  const heard: NumberedEvent[] = [];
  const stop = feed.subscribe((event) => heard.push(event));
  feed.publish(RESTING);
  feed.publish(RESTING);
  stop();
  feed.publish(RESTING);
  assertEquals(heard, [
    { seq: 1, at: "2026-01-01T00:00:00.000Z", ...RESTING },
    { seq: 2, at: "2026-01-01T00:00:00.000Z", ...RESTING },
  ]);
});
