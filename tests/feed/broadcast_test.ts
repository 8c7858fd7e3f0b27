import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { Audience } from "../../src/feed/audience.ts";
import { Broadcast } from "../../src/feed/broadcast.ts";
import { MAX_BUFFERED_BYTES, type Sink } from "../../src/feed/outbox.ts";

class FakeSink implements Sink {
  bufferedAmount = 0;
  readonly sent: string[] = [];
  closed: number | undefined;

  send(frame: string): void {
    this.sent.push(frame);
  }

  close(code: number): void {
    this.closed = code;
  }
}

function frame(text: string) {
  return { encode: (view: "short" | "long") => `${view} ${text}` };
}

function setUp() {
  const audience = new Audience();
  return { audience, broadcast: new Broadcast<"short" | "long">({ clock: systemClock, audience }) };
}

Deno.test("Broadcast sends each client its view, and a new one the current snapshot at once", () => {
  const { broadcast } = setUp();
  const [early, late] = [new FakeSink(), new FakeSink()];
  broadcast.join(early, "short");
  broadcast.publish(frame("1"));
  broadcast.join(late, "long", frame("1"));
  broadcast.publish(frame("2"));
  assertEquals(early.sent, ["short 1", "short 2"]);
  assertEquals(late.sent, ["long 1", "long 2"]);
});

Deno.test("Broadcast counts its members in the audience, each leaving once", () => {
  const { audience, broadcast } = setUp();
  const [a, b] = [new FakeSink(), new FakeSink()];
  broadcast.join(a, "short");
  broadcast.join(b, "short");
  assertEquals(audience.size, 2);
  broadcast.leave(a);
  broadcast.leave(a);
  assertEquals(audience.size, 1);
  broadcast.publish(frame("1"));
  assertEquals(a.sent, []);
});

Deno.test("Broadcast holds the latest snapshot alone for a client that is behind", async () => {
  using time = new FakeTime(0);
  const { broadcast } = setUp();
  const [slow, quick] = [new FakeSink(), new FakeSink()];
  broadcast.join(slow, "short");
  broadcast.join(quick, "short");
  slow.bufferedAmount = MAX_BUFFERED_BYTES + 1;
  for (const text of ["1", "2", "3"]) broadcast.publish(frame(text));
  assertEquals(quick.sent, ["short 1", "short 2", "short 3"]);
  await time.tickAsync(1_000);
  assertEquals(slow.sent, []);
  slow.bufferedAmount = MAX_BUFFERED_BYTES;
  await time.tickAsync(250);
  assertEquals(slow.sent, ["short 3"]);
  broadcast.publish(frame("4"));
  assertEquals(slow.sent, ["short 3", "short 4"]);
});

Deno.test("Broadcast closes a client with 1013 that stays behind for 30 s", async () => {
  using time = new FakeTime(0);
  const { audience, broadcast } = setUp();
  const slow = new FakeSink();
  broadcast.join(slow, "short");
  slow.bufferedAmount = MAX_BUFFERED_BYTES + 1;
  broadcast.publish(frame("1"));
  await time.tickAsync(15_000);
  broadcast.publish(frame("2"));
  await time.tickAsync(14_999);
  assertEquals(slow.closed, undefined);
  await time.tickAsync(251);
  assertEquals(slow.closed, 1013);
  assertEquals(audience.size, 0);
  assertEquals(slow.sent, []);
});

Deno.test("Broadcast gives a client that caught up the whole 30 s again", async () => {
  using time = new FakeTime(0);
  const { broadcast } = setUp();
  const slow = new FakeSink();
  broadcast.join(slow, "short");
  for (let round = 0; round < 3; round++) {
    slow.bufferedAmount = MAX_BUFFERED_BYTES + 1;
    broadcast.publish(frame(`${round}`));
    await time.tickAsync(20_000);
    slow.bufferedAmount = 0;
    await time.tickAsync(250);
  }
  assertEquals(slow.closed, undefined);
  assertEquals(slow.sent, ["short 0", "short 1", "short 2"]);
});

Deno.test("Broadcast leaves no timer behind when a client leaves while it is behind", () => {
  const { broadcast } = setUp();
  const slow = new FakeSink();
  broadcast.join(slow, "short");
  slow.bufferedAmount = MAX_BUFFERED_BYTES + 1;
  broadcast.publish(frame("1"));
  // The sanitizer fails this test if the timer lives on.
  broadcast.leave(slow);
  assertEquals(slow.closed, undefined);
});
