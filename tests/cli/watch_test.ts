import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { Screen } from "../../src/cli/screen.ts";
import { socketUrl, streamRuns } from "../../src/cli/watch.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { UsageError } from "../../src/errors.ts";
import type { FullRun } from "../../src/run/snapshot.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";

class FakeScreen implements Screen {
  readonly titles: (string | undefined)[] = [];
  readonly statuses: string[] = [];
  open(): void {}
  close(): void {}
  show(runs: readonly FullRun[]): void {
    this.titles.push(runs[0]?.displayTitle);
  }
  showStatus(text: string): void {
    this.statuses.push(text);
  }
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Sleeps 5 ms between attempts and records the requested delays. */
function fastClock() {
  const delays: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep(ms, signal) {
      if (ms === CONNECT_TIMEOUT_MS) return systemClock.sleep(ms, signal);
      delays.push(ms);
      return systemClock.sleep(5, signal);
    },
  };
  return { clock, delays };
}

Deno.test("socketUrl() accepts the usual forms of an address", () => {
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

Deno.test("socketUrl() rejects other URLs", () => {
  for (const text of ["ftp://x", "://", "nonsense://x", "http://"]) {
    const { message } = assertThrows(() => socketUrl(text), UsageError);
    assertEquals(
      message,
      `Invalid URL "${text}": expected a WebSocket URL such as ws://127.0.0.1:8080/ws`,
    );
  }
});

Deno.test("streamRuns() shows runs, and reconnects after the connection is lost", async () => {
  const screen = new FakeScreen();
  const stop = new AbortController();
  const server = await new ServerUnderTest().start();
  const options = { screen, clock: fastClock().clock, signal: stop.signal };
  const streaming = streamRuns(`${server.socketUrl}?view=full`, options);
  await waitUntil(() => server.activeClients.size === 1, "it has connected");
  server.publishRun("one");
  await waitUntil(() => screen.titles.length === 1, "it shows the run");
  await server.stop();
  await waitUntil(
    () => screen.statuses.some((text) => text.startsWith("Cannot reach")),
    "it retries",
  );
  await using again = await new ServerUnderTest({ port: server.port }).start();
  await waitUntil(() => again.activeClients.size === 1, "it has connected again");
  again.publishRun("two");
  await waitUntil(() => screen.titles.length === 2, "it shows the next run");
  assertEquals(screen.titles, ["one", "two"]);
  assertEquals(screen.statuses[0], "Connected");
  assertMatch(screen.statuses[1] ?? "", /^Connection lost \(.+\), retrying in 1 s$/);
  stop.abort();
  await withTimeout(streaming, "it to stop");
});

Deno.test("streamRuns() backs off between attempts, and stops on abort", async () => {
  const { clock, delays } = fastClock();
  const stop = new AbortController();
  const screen = new FakeScreen();
  // Port 1 has no listener.
  const streaming = streamRuns("ws://127.0.0.1:1/ws", { screen, clock, signal: stop.signal });
  await waitUntil(() => delays.length >= 7, "seven attempts");
  stop.abort();
  await withTimeout(streaming, "it to stop");
  assertEquals(delays.slice(0, 7), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

Deno.test("streamRuns() ignores frames other than snapshots", async () => {
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
  const streaming = streamRuns(url, { screen, clock: systemClock, signal: stop.signal });
  await waitUntil(() => screen.titles.length === 1, "the one snapshot");
  stop.abort();
  await withTimeout(streaming, "it to stop");
  await server.shutdown();
  assertEquals(screen.titles, [undefined]);
});
