import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { ActiveClients } from "../../src/feed/active_clients.ts";
import { Broadcast } from "../../src/feed/broadcast.ts";
import { MAX_BUFFERED_BYTES, type Sink } from "../../src/feed/slow_client.ts";
import type { Visibility } from "../../src/visibility.ts";
import { allVisible } from "../fakes/visibility.ts";

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

/** Everything that waits for no more than what may be seen is sent. */
async function sent(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

function setUp() {
  const activeClients = new ActiveClients();
  return {
    audience: activeClients,
    broadcast: new Broadcast<"short" | "long">({ clock: systemClock, activeClients }),
  };
}

Deno.test("Broadcast sends each client its view, and a new one the current snapshot at once", async () => {
  const { broadcast } = setUp();
  const [early, late] = [new FakeSink(), new FakeSink()];
  broadcast.subscribe(early, { view: "short", visibility: allVisible });
  broadcast.publish(frame("1"));
  await sent();
  broadcast.subscribe(late, { view: "long", visibility: allVisible, current: frame("1") });
  await sent();
  broadcast.publish(frame("2"));
  await sent();
  assertEquals(early.sent, ["short 1", "short 2"]);
  assertEquals(late.sent, ["long 1", "long 2"]);
});

Deno.test("Broadcast counts its members in the audience, each leaving once", async () => {
  const { audience: activeClients, broadcast } = setUp();
  const [a, b] = [new FakeSink(), new FakeSink()];
  broadcast.subscribe(a, { view: "short", visibility: allVisible });
  broadcast.subscribe(b, { view: "short", visibility: allVisible });
  assertEquals(activeClients.size, 2);
  broadcast.unsubscribe(a);
  broadcast.unsubscribe(a);
  assertEquals(activeClients.size, 1);
  broadcast.publish(frame("1"));
  await sent();
  assertEquals(a.sent, []);
});

Deno.test("Broadcast holds the latest snapshot alone for a client that is behind", async () => {
  using time = new FakeTime(0);
  const { broadcast } = setUp();
  const [slow, quick] = [new FakeSink(), new FakeSink()];
  broadcast.subscribe(slow, { view: "short", visibility: allVisible });
  broadcast.subscribe(quick, { view: "short", visibility: allVisible });
  slow.bufferedAmount = MAX_BUFFERED_BYTES + 1;
  for (const text of ["1", "2", "3"]) {
    broadcast.publish(frame(text));
    await sent();
  }
  assertEquals(quick.sent, ["short 1", "short 2", "short 3"]);
  assertEquals([broadcast.slowClients, broadcast.published, broadcast.coalesced], [1, 3, 2]);
  await time.tickAsync(1_000);
  assertEquals(slow.sent, []);
  slow.bufferedAmount = MAX_BUFFERED_BYTES;
  await time.tickAsync(250);
  assertEquals(slow.sent, ["short 3"]);
  broadcast.publish(frame("4"));
  await sent();
  assertEquals(slow.sent, ["short 3", "short 4"]);
});

Deno.test("Broadcast closes a client with 1013 that stays behind for 30 s", async () => {
  using time = new FakeTime(0);
  const { audience: activeClients, broadcast } = setUp();
  const slow = new FakeSink();
  broadcast.subscribe(slow, { view: "short", visibility: allVisible });
  slow.bufferedAmount = MAX_BUFFERED_BYTES + 1;
  broadcast.publish(frame("1"));
  await time.tickAsync(15_000);
  broadcast.publish(frame("2"));
  await time.tickAsync(14_999);
  assertEquals(slow.closed, undefined);
  await time.tickAsync(251);
  assertEquals(slow.closed, 1013);
  assertEquals(activeClients.size, 0);
  assertEquals(slow.sent, []);
});

Deno.test("Broadcast gives a client that caught up the whole 30 s again", async () => {
  using time = new FakeTime(0);
  const { broadcast } = setUp();
  const slow = new FakeSink();
  broadcast.subscribe(slow, { view: "short", visibility: allVisible });
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

Deno.test("Broadcast leaves no timer behind when a client leaves while it is behind", async () => {
  const { broadcast } = setUp();
  const slow = new FakeSink();
  broadcast.subscribe(slow, { view: "short", visibility: allVisible });
  slow.bufferedAmount = MAX_BUFFERED_BYTES + 1;
  broadcast.publish(frame("1"));
  await sent();
  // The sanitizer fails this test if the timer lives on.
  broadcast.unsubscribe(slow);
  assertEquals(slow.closed, undefined);
});

/** A frame that tells what may be seen of it. */
function encodedFrame(text: string) {
  return {
    encode: (_view: "short" | "long", sight: Visibility) =>
      `${text} ${sight === "all" ? sight : [...sight].join()}`,
  };
}

Deno.test("Broadcast shows each client what it may see at that moment", async () => {
  const { broadcast } = setUp();
  const [open, user] = [new FakeSink(), new FakeSink()];
  let visibility: ReadonlySet<string> = new Set(["octo/a"]);
  broadcast.subscribe(open, { view: "short", visibility: allVisible });
  broadcast.subscribe(user, {
    view: "short",
    visibility: () => Promise.resolve(visibility),
    current: encodedFrame("0"),
  });
  await sent();
  visibility = new Set(["octo/b"]);
  broadcast.publish(encodedFrame("1"));
  await sent();
  assertEquals(open.sent, ["1 all"]);
  assertEquals(user.sent, ["0 octo/a", "1 octo/b"]);
});

Deno.test("Broadcast sends nothing while it is unknown what may be seen, then the latest alone", async () => {
  const { broadcast } = setUp();
  const [waiting, quick] = [new FakeSink(), new FakeSink()];
  let visibility = Promise.withResolvers<Visibility>();
  broadcast.subscribe(waiting, { view: "short", visibility: () => visibility.promise });
  broadcast.subscribe(quick, { view: "short", visibility: allVisible });
  for (const text of ["1", "2"]) {
    broadcast.publish(encodedFrame(text));
    await sent();
  }
  assertEquals([waiting.sent, quick.sent], [[], ["1 all", "2 all"]]);
  visibility.resolve(new Set(["octo/a"]));
  await sent();
  assertEquals(waiting.sent, ["2 octo/a"]);
  visibility = Promise.withResolvers();
  broadcast.publish(encodedFrame("3"));
  visibility.reject(new Error("GitHub does not take the token"));
  await sent();
  assertEquals(waiting.sent, ["2 octo/a"]);
  visibility = Promise.withResolvers();
  broadcast.publish(encodedFrame("4"));
  broadcast.unsubscribe(waiting);
  visibility.resolve("all");
  await sent();
  assertEquals(waiting.sent, ["2 octo/a"]);
});

Deno.test("Broadcast.amend() tells nothing to whom it shows nothing new", async () => {
  const { broadcast } = setUp();
  const [a, b] = [new FakeSink(), new FakeSink()];
  const seen = (...names: string[]) => () => Promise.resolve(new Set(names));
  broadcast.subscribe(a, { view: "short", visibility: seen("octo/a") });
  broadcast.subscribe(b, { view: "short", visibility: seen("octo/b") });
  const of = (runs: Readonly<Record<string, string>>) => ({
    encode: (_view: "short" | "long", sight: Visibility) =>
      Object.keys(runs).filter((name) => sight !== "all" && sight.has(name))
        .map((name) => runs[name]).join(),
  });
  broadcast.publish(of({ "octo/a": "a1", "octo/b": "b1" }));
  await sent();
  broadcast.publishIfChanged(of({ "octo/a": "a1", "octo/b": "b2" }));
  await sent();
  assertEquals([a.sent, b.sent], [["a1"], ["b1", "b2"]]);
  // On the beat everybody is told, also one that comes together with an amendment.
  broadcast.publish(of({ "octo/a": "a1", "octo/b": "b2" }));
  broadcast.publishIfChanged(of({ "octo/a": "a1", "octo/b": "b3" }));
  await sent();
  assertEquals([a.sent, b.sent], [["a1", "a1"], ["b1", "b2", "b3"]]);
});
