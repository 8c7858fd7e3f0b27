import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type Screen, socketUrl, streamRuns } from "../../src/cli/watch.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { UsageError } from "../../src/errors.ts";
import type { FullRun } from "../../src/run/snapshot.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";

class FakeScreen implements Screen {
  readonly titles: (string | undefined)[] = [];
  readonly notices: string[] = [];
  open(): void {}
  close(): void {}
  show(runs: readonly FullRun[]): void {
    this.titles.push(runs[0]?.displayTitle);
  }
  showStatus(text: string): void {
    this.notices.push(text);
  }
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Sleeps no longer than a moment between tries, and remembers for how long it should have slept. */
function fastClock() {
  const slept: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep(ms, signal) {
      if (ms === CONNECT_TIMEOUT_MS) return systemClock.sleep(ms, signal);
      slept.push(ms);
      return systemClock.sleep(5, signal);
    },
  };
  return { clock, slept };
}

Deno.test("socketUrl() takes what a person would write", () => {
  const full = (host: string) => `${host}/ws?view=full`;
  assertEquals(socketUrl("ws://127.0.0.1:8080/ws"), full("ws://127.0.0.1:8080"));
  assertEquals(socketUrl("127.0.0.1:9000"), full("ws://127.0.0.1:9000"));
  assertEquals(socketUrl("http://localhost:8080"), full("ws://localhost:8080"));
  assertEquals(socketUrl("https://ci.example.com/"), full("wss://ci.example.com"));
  assertEquals(
    socketUrl("wss://ci.example/runwire/ws?view=compact"),
    "wss://ci.example/runwire/ws?view=full",
  );
});

Deno.test("socketUrl() says what is allowed", () => {
  for (const text of ["ftp://x", "://", "nonsense://x", "http://"]) {
    const { message } = assertThrows(() => socketUrl(text), UsageError);
    assertEquals(
      message,
      `Cannot watch "${text}": allowed is a URL such as ws://127.0.0.1:8080/ws`,
    );
  }
});

Deno.test("follow() shows what comes, and connects again when the connection is lost", async () => {
  const screen = new FakeScreen();
  const stop = new AbortController();
  const server = await new ServerUnderTest().start();
  const options = { screen, clock: fastClock().clock, signal: stop.signal };
  const following = streamRuns(`${server.socketUrl}?view=full`, options);
  await waitUntil(() => server.activeClients.size === 1, "it has connected");
  server.publishRun("one");
  await waitUntil(() => screen.titles.length === 1, "it shows the run");
  await server.stop();
  await waitUntil(
    () => screen.notices.some((text) => text.startsWith("Cannot reach")),
    "it tries again",
  );
  await using again = await new ServerUnderTest({ port: server.port }).start();
  await waitUntil(() => again.activeClients.size === 1, "it has connected again");
  again.publishRun("two");
  await waitUntil(() => screen.titles.length === 2, "it shows the next run");
  assertEquals(screen.titles, ["one", "two"]);
  assertEquals(screen.notices[0], "Connected");
  assertMatch(screen.notices[1] ?? "", /^Connection lost \(.+\), trying again in 1 s$/);
  stop.abort();
  await withTimeout(following, "it to stop");
});

Deno.test("follow() waits ever longer between tries, and stops when told", async () => {
  const { clock, slept } = fastClock();
  const stop = new AbortController();
  const screen = new FakeScreen();
  // Nobody listens on port 1.
  const following = streamRuns("ws://127.0.0.1:1/ws", { screen, clock, signal: stop.signal });
  await waitUntil(() => slept.length >= 7, "seven tries");
  stop.abort();
  await withTimeout(following, "it to stop");
  assertEquals(slept.slice(0, 7), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

Deno.test("follow() passes over frames that are no snapshot", async () => {
  const screen = new FakeScreen();
  const stop = new AbortController();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => {
      for (const frame of ["", "{", "[]", '{"runs":[{"id":1}]}', '{"id":"m1","content":"hello"}']) {
        socket.send(frame);
      }
      socket.send('{"runs":[]}');
    };
    return response;
  });
  const url = `ws://127.0.0.1:${server.addr.port}/`;
  const following = streamRuns(url, { screen, clock: systemClock, signal: stop.signal });
  await waitUntil(() => screen.titles.length === 1, "the one snapshot");
  stop.abort();
  await withTimeout(following, "it to stop");
  await server.shutdown();
  assertEquals(screen.titles, [undefined]);
});
