import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { TokenRejectedError } from "../../../src/account/oauth_provider.ts";
import type { Visibility } from "../../../src/visibility.ts";
import { systemClock as clock } from "../../../src/clock.ts";
import { GitHubError, StorageError } from "../../../src/errors.ts";
import { retryVisibility } from "../../../src/http/streams/visibility_retry.ts";
import { runEvent } from "../../../src/run/event.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { FakeAuthenticator, keyPrincipal } from "../../fakes/stores/authenticator.ts";
import { EventStreamClient } from "../../fakes/clients/event_stream.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { aStatus } from "../../fakes/stores/event_log.ts";
import { type ServerSettings, ServerUnderTest } from "../../fakes/apps/server.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";

const VISIBLE_A: Visibility = new Set(["octo/a"]);
const LIMITED = new GitHubError({ kind: "rate_limited" }, "GitHub limits us");
const BOTH = [aRun({ id: 1, repository: "Octo/a" }), aRun({ id: 2, repository: "octo/b" })];

Deno.test("onceKnown() asks every five seconds until it is known what may be seen", async () => {
  using time = new FakeTime(0);
  const { signal } = new AbortController();
  const failures = [LIMITED, new StorageError("unavailable", "The database is away")];
  const visibility = retryVisibility(() => {
    const failure = failures.shift();
    return failure ? Promise.reject(failure) : Promise.resolve(VISIBLE_A);
  }, { clock, signal });
  let resolved: Visibility | undefined;
  void Promise.resolve(visibility()).then((visibility) => resolved = visibility);
  await time.tickAsync(9_999);
  assertEquals(resolved, undefined);
  await time.tickAsync(1);
  assertEquals(resolved, VISIBLE_A);
});

Deno.test("onceKnown() is nothing for a client that has left while it waited", async () => {
  const stop = new AbortController();
  const visibility = retryVisibility(() => Promise.reject(LIMITED), { clock, signal: stop.signal });
  const waiting = visibility();
  stop.abort();
  assertEquals(await withTimeout(Promise.resolve(waiting), "the end"), new Set());
});

Deno.test("onceKnown() tells at once what is known at once, to a client that is there", () => {
  const stop = new AbortController();
  const visibility = retryVisibility(() => VISIBLE_A, { clock, signal: stop.signal });
  assertEquals(visibility(), VISIBLE_A);
  stop.abort();
  assertEquals(visibility(), new Set());
});

Deno.test("onceKnown() throws when the login is refused", async () => {
  const { signal } = new AbortController();
  const reject = () => Promise.reject(new TokenRejectedError("The token was revoked"));
  const visibility = retryVisibility(reject, { clock, signal });
  await assertRejects(async () => await visibility(), TokenRejectedError);
});

/** A server with one caller, whose ticket is `t`, and what that caller may see. */
async function start(settings: ServerSettings = {}) {
  const caller: { visibility: () => Promise<Visibility> } = {
    visibility: () => Promise.resolve(VISIBLE_A),
  };
  const callers = new FakeAuthenticator({ isOpen: true });
  callers.principals.set("t", keyPrincipal({ visibility: () => caller.visibility() }));
  const server = await new ServerUnderTest({ callers, ...settings }).start();
  const connect = async (query: string) => {
    const before = server.activeClients.size;
    const client = await WebSocketClient.connect(`${server.socketUrl}?${query}`);
    await waitUntil(() => server.activeClients.size > before, "it has joined");
    return client;
  };
  const publish = async () => {
    for (const run of BOTH) await server.feed.publish(runEvent(run));
    await server.feed.publish(aStatus());
  };
  return { server, caller, connect, publish };
}

function idsIn(frame: string): readonly number[] {
  return JSON.parse(frame).runs.map(({ id }: { id: number }) => id);
}

/** The numbers of events in a frame. */
function numbersIn(frame: string): readonly number[] {
  return [JSON.parse(frame)].flat().map(({ seq }: { seq: number }) => seq);
}

Deno.test("Connections shows each client what it may see of a snapshot", async () => {
  const { server, caller, connect } = await start();
  await using _ = server;
  server.current = new Snapshot(BOTH, 0);
  await using user = await connect("ticket=t");
  await using open = await connect("");
  assertEquals(idsIn(await open.next()), [2, 1]);
  assertEquals(idsIn(await user.next()), [1]);
  caller.visibility = () => Promise.resolve(new Set<string>());
  server.publishSnapshot(server.current);
  assertEquals(idsIn(await open.next()), [2, 1]);
  assertEquals(idsIn(await user.next()), []);
});

for (const batch of [false, true]) {
  Deno.test(`Connections tells each client of what it may see, batch=${batch}`, async () => {
    const { server, connect, publish } = await start();
    await using _ = server;
    await using user = await connect(`topics=events&batch=${batch}&ticket=t`);
    await using open = await connect(`topics=events&batch=${batch}`);
    await publish();
    const numbers = async (client: WebSocketClient, count: number) => {
      const all: number[] = [];
      while (all.length < count) all.push(...numbersIn(await client.next()));
      return all;
    };
    assertEquals(await numbers(open, 3), [1, 2, 3]);
    assertEquals(await numbers(user, 2), [1, 3]);
    assert(!user.frames.join().includes("octo/b"));
  });
}

Deno.test("Connections and EventStreams hide in the snapshot after a gap, too", async () => {
  const { server, connect, publish } = await start();
  await using _ = server;
  server.current = new Snapshot(BOTH, 0);
  await publish();
  await using socket = await connect("topics=events&since=99&ticket=t");
  assertEquals(JSON.parse(await socket.next()).type, "gap");
  assertEquals(idsIn(await socket.next()), [1]);
  await using stream = await EventStreamClient.connectPastPreamble(
    `${server.url}/api/v1/events?since=99&ticket=t`,
  );
  assertEquals((await stream.next())?.startsWith("event:gap"), true);
  const [, data = ""] = (await stream.next())?.match(/^data:(.*)$/m) ?? [];
  assertEquals(idsIn(data), [1]);
});

Deno.test("EventStreams tells each client of what it may see", async () => {
  const { server, publish } = await start();
  await using _ = server;
  await using stream = await EventStreamClient.connectPastPreamble(
    `${server.url}/api/v1/events?ticket=t`,
  );
  await publish();
  assertEquals(await stream.nextSeqs(2), [1, 3]);
});

Deno.test("Connections and EventStreams tell nothing while it is unknown what may be seen", async () => {
  const { server, caller, connect, publish } = await start({
    clock: { ...clock, sleep: (ms, signal) => clock.sleep(ms === 5_000 ? 20 : ms, signal) },
  });
  await using _ = server;
  await using socket = await connect("topics=runs,events&ticket=t");
  await using stream = await EventStreamClient.connectPastPreamble(
    `${server.url}/api/v1/events?ticket=t`,
  );
  let attempts = 0;
  caller.visibility = () => {
    attempts++;
    return Promise.reject(LIMITED);
  };
  server.publishSnapshot(new Snapshot(BOTH, 0));
  await publish();
  await waitUntil(() => attempts > 9, "all have asked again and again");
  assertEquals(socket.frames, []);
  caller.visibility = () => Promise.resolve(VISIBLE_A);
  assertEquals(await stream.nextSeqs(2), [1, 3]);
  await waitUntil(() => socket.frames.length === 3, "the snapshot and two events");
  const kinds = socket.frames.map((frame) => JSON.parse(frame).runs ? idsIn(frame) : frame);
  assertEquals(kinds.filter((kind) => typeof kind !== "string"), [[1]]);
  assert(!socket.frames.join().includes("octo/b"));
});

Deno.test("Connections closes with 1008 when the login is refused meanwhile", async () => {
  const { server, caller, connect, publish } = await start();
  await using _ = server;
  await using socket = await connect("topics=events&ticket=t");
  caller.visibility = () => Promise.reject(new TokenRejectedError("The token was revoked"));
  await publish();
  assertEquals((await withTimeout(socket.closed, "the end")).code, 1008);
  assertEquals(socket.frames, []);
});

Deno.test("EventStreams ends as not allowed when the login is refused meanwhile", async () => {
  const { server, caller, publish } = await start();
  await using _ = server;
  await using stream = await EventStreamClient.connectPastPreamble(
    `${server.url}/api/v1/events?ticket=t`,
  );
  caller.visibility = () => Promise.reject(new TokenRejectedError("The token was revoked"));
  await publish();
  assertEquals(await stream.next(), undefined);
  assertEquals(Object.fromEntries(server.events.traffic.closed), { not_allowed: 1 });
});
