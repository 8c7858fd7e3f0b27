import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { ActiveClients } from "../../src/feed/active_clients.ts";
import { Broadcast } from "../../src/feed/broadcast.ts";
import { MAX_BUFFERED_BYTES } from "../../src/feed/slow_client.ts";
import type { Visibility } from "../../src/visibility.ts";
import { allVisible } from "../fakes/visibility.ts";
import { FakeSink } from "./fake_sink.ts";

function frame(text: string) {
  return { encode: (view: "short" | "long") => `${view} ${text}` };
}

/** Resolves when every frame with a resolved visibility was sent. */
async function sent(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

function setUp() {
  const activeClients = new ActiveClients();
  return {
    activeClients,
    broadcast: new Broadcast<"short" | "long">({ clock: systemClock, activeClients }),
  };
}

Deno.test("Broadcast sends each client its view, and a new client the current snapshot immediately", async () => {
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

Deno.test("Broadcast counts each subscriber once in ActiveClients", async () => {
  const { activeClients, broadcast } = setUp();
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

Deno.test("Broadcast queues only the latest snapshot for a slow client", async () => {
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

Deno.test("Broadcast closes a client that is slow for 30 s with 1013", async () => {
  using time = new FakeTime(0);
  const { activeClients, broadcast } = setUp();
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

Deno.test("Broadcast restarts the 30 s after a slow client has caught up", async () => {
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

Deno.test("Broadcast stops the timer when the last slow client unsubscribes", async () => {
  const { broadcast } = setUp();
  const slow = new FakeSink();
  broadcast.subscribe(slow, { view: "short", visibility: allVisible });
  slow.bufferedAmount = MAX_BUFFERED_BYTES + 1;
  broadcast.publish(frame("1"));
  await sent();
  // The sanitizer fails this test if the timer remains.
  broadcast.unsubscribe(slow);
  assertEquals(slow.closed, undefined);
});

/** A frame that encodes its visibility. */
function encodedFrame(text: string) {
  return {
    encode: (_view: "short" | "long", visibility: Visibility) =>
      `${text} ${visibility === "all" ? visibility : [...visibility].join()}`,
  };
}

Deno.test("Broadcast encodes each frame with the current visibility of the client", async () => {
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

Deno.test("Broadcast sends nothing while the visibility is pending, then only the latest frame", async () => {
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
  visibility.reject(new Error("GitHub rejected the token"));
  await sent();
  assertEquals(waiting.sent, ["2 octo/a"]);
  visibility = Promise.withResolvers();
  broadcast.publish(encodedFrame("4"));
  broadcast.unsubscribe(waiting);
  visibility.resolve("all");
  await sent();
  assertEquals(waiting.sent, ["2 octo/a"]);
});

Deno.test("Broadcast.publishIfChanged() skips clients whose frame has not changed", async () => {
  const { broadcast } = setUp();
  const [a, b] = [new FakeSink(), new FakeSink()];
  const only = (...names: string[]) => () => Promise.resolve(new Set(names));
  broadcast.subscribe(a, { view: "short", visibility: only("octo/a") });
  broadcast.subscribe(b, { view: "short", visibility: only("octo/b") });
  const of = (runs: Readonly<Record<string, string>>) => ({
    encode: (_view: "short" | "long", visibility: Visibility) =>
      Object.keys(runs).filter((name) => visibility !== "all" && visibility.has(name))
        .map((name) => runs[name]).join(),
  });
  broadcast.publish(of({ "octo/a": "a1", "octo/b": "b1" }));
  await sent();
  broadcast.publishIfChanged(of({ "octo/a": "a1", "octo/b": "b2" }));
  await sent();
  assertEquals([a.sent, b.sent], [["a1"], ["b1", "b2"]]);
  // publish() sends to every client, even if publishIfChanged() follows while the visibility is pending.
  broadcast.publish(of({ "octo/a": "a1", "octo/b": "b2" }));
  broadcast.publishIfChanged(of({ "octo/a": "a1", "octo/b": "b3" }));
  await sent();
  assertEquals([a.sent, b.sent], [["a1", "a1"], ["b1", "b2", "b3"]]);
});
