import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { TokenRejectedError } from "../../../src/account/oauth_provider.ts";
import type { Visibility } from "../../../src/visibility.ts";
import { systemClock as clock } from "../../../src/clock.ts";
import { GitHubError, StorageError } from "../../../src/errors.ts";
import { retryVisibility } from "../../../src/http/streams/visibility_retry.ts";
import { toRunEvent } from "../../../src/run/event.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { FakeAuthenticator, keyPrincipal } from "../../fakes/stores/authenticator.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { aStatus } from "../../fakes/stores/event_log.ts";
import { type ServerSettings, ServerUnderTest } from "../../fakes/apps/server.ts";
import { readSeqs, subscribe, subscribeToStream } from "../../fakes/apps/stream_clients.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";

const VISIBLE_A: Visibility = new Set(["octo/a"]);
const RATE_LIMITED = new GitHubError({ kind: "rate_limited" }, "rate limited");
const BOTH = [aRun({ id: 1, repository: "Octo/a" }), aRun({ id: 2, repository: "octo/b" })];

Deno.test("retryVisibility() retries every five seconds until the visibility is known", async () => {
  using time = new FakeTime(0);
  const { signal } = new AbortController();
  const failures = [RATE_LIMITED, new StorageError("unavailable", "database unavailable")];
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

Deno.test("retryVisibility() returns nothing if the client disconnects during a retry", async () => {
  const stop = new AbortController();
  const visibility = retryVisibility(() => Promise.reject(RATE_LIMITED), {
    clock,
    signal: stop.signal,
  });
  const waiting = visibility();
  stop.abort();
  assertEquals(await withTimeout(Promise.resolve(waiting), "the close"), new Set());
});

Deno.test("retryVisibility() is synchronous if the visibility is, until the client disconnects", () => {
  const stop = new AbortController();
  const visibility = retryVisibility(() => VISIBLE_A, { clock, signal: stop.signal });
  assertEquals(visibility(), VISIBLE_A);
  stop.abort();
  assertEquals(visibility(), new Set());
});

Deno.test("retryVisibility() throws if the token is rejected", async () => {
  const { signal } = new AbortController();
  const reject = () => Promise.reject(new TokenRejectedError("The token was revoked"));
  const visibility = retryVisibility(reject, { clock, signal });
  await assertRejects(async () => await visibility(), TokenRejectedError);
});

/** A server with one principal, whose ticket is `t`, and the visibility of that principal. */
async function start(settings: ServerSettings = {}) {
  const principal: { visibility: () => Promise<Visibility> } = {
    visibility: () => Promise.resolve(VISIBLE_A),
  };
  const authenticator = new FakeAuthenticator({ isOpen: true });
  authenticator.principals.set("t", keyPrincipal({ visibility: () => principal.visibility() }));
  const server = await new ServerUnderTest({ authenticator, ...settings }).start();
  const publish = async () => {
    for (const run of BOTH) await server.feed.publish(toRunEvent(run));
    await server.feed.publish(aStatus());
  };
  return { server, principal, publish };
}

function idsIn(frame: string): readonly number[] {
  return JSON.parse(frame).runs.map(({ id }: { id: number }) => id);
}

Deno.test("WebSocketServer sends each client only visible runs of a snapshot", async () => {
  const { server, principal } = await start();
  await using _ = server;
  server.current = new Snapshot(BOTH, 0);
  await using user = await subscribe(server, "ticket=t");
  await using open = await subscribe(server, "");
  assertEquals(idsIn(await open.next()), [2, 1]);
  assertEquals(idsIn(await user.next()), [1]);
  principal.visibility = () => Promise.resolve(new Set<string>());
  server.publishSnapshot(server.current);
  assertEquals(idsIn(await open.next()), [2, 1]);
  assertEquals(idsIn(await user.next()), []);
});

for (const batch of [false, true]) {
  Deno.test(`WebSocketServer sends each client only visible events, batch=${batch}`, async () => {
    const { server, publish } = await start();
    await using _ = server;
    await using user = await subscribe(server, `topics=events&batch=${batch}&ticket=t`);
    await using open = await subscribe(server, `topics=events&batch=${batch}`);
    await publish();
    assertEquals(await readSeqs(open, 3), [1, 2, 3]);
    assertEquals(await readSeqs(user, 2), [1, 3]);
    assert(!user.frames.join().includes("octo/b"));
  });
}

Deno.test("WebSocketServer and EventStreams filter the snapshot after a gap", async () => {
  const { server, publish } = await start();
  await using _ = server;
  server.current = new Snapshot(BOTH, 0);
  await publish();
  await using socket = await subscribe(server, "topics=events&since=99&ticket=t");
  assertEquals(JSON.parse(await socket.next()).type, "gap");
  assertEquals(idsIn(await socket.next()), [1]);
  await using stream = await subscribeToStream(server, "?since=99&ticket=t");
  assertEquals((await stream.next())?.startsWith("event:gap"), true);
  const [, data = ""] = (await stream.next())?.match(/^data:(.*)$/m) ?? [];
  assertEquals(idsIn(data), [1]);
});

Deno.test("EventStreams sends each client only visible events", async () => {
  const { server, publish } = await start();
  await using _ = server;
  await using stream = await subscribeToStream(server, "?ticket=t");
  await publish();
  assertEquals(await stream.nextSeqs(2), [1, 3]);
});

Deno.test("WebSocketServer and EventStreams send nothing while the visibility is unknown", async () => {
  const { server, principal, publish } = await start({
    clock: { ...clock, sleep: (ms, signal) => clock.sleep(ms === 5_000 ? 20 : ms, signal) },
  });
  await using _ = server;
  await using socket = await subscribe(server, "topics=runs,events&ticket=t");
  await using stream = await subscribeToStream(server, "?ticket=t");
  let attempts = 0;
  principal.visibility = () => {
    attempts++;
    return Promise.reject(RATE_LIMITED);
  };
  server.publishSnapshot(new Snapshot(BOTH, 0));
  await publish();
  await waitUntil(() => attempts > 9, "all have retried");
  assertEquals(socket.frames, []);
  principal.visibility = () => Promise.resolve(VISIBLE_A);
  assertEquals(await stream.nextSeqs(2), [1, 3]);
  await waitUntil(() => socket.frames.length === 3, "the snapshot and two events");
  const kinds = socket.frames.map((frame) => JSON.parse(frame).runs ? idsIn(frame) : frame);
  assertEquals(kinds.filter((kind) => typeof kind !== "string"), [[1]]);
  assert(!socket.frames.join().includes("octo/b"));
});

Deno.test("WebSocketServer closes with 1008 when the token is rejected", async () => {
  const { server, principal, publish } = await start();
  await using _ = server;
  await using socket = await subscribe(server, "topics=events&ticket=t");
  principal.visibility = () => Promise.reject(new TokenRejectedError("The token was revoked"));
  await publish();
  assertEquals((await withTimeout(socket.closed, "the close")).code, 1008);
  assertEquals(socket.frames, []);
});

Deno.test("EventStreams ends a stream as not_allowed when the token is rejected", async () => {
  const { server, principal, publish } = await start();
  await using _ = server;
  await using stream = await subscribeToStream(server, "?ticket=t");
  principal.visibility = () => Promise.reject(new TokenRejectedError("The token was revoked"));
  await publish();
  assertEquals(await stream.next(), undefined);
  assertEquals(Object.fromEntries(server.events.metrics.closed), { not_allowed: 1 });
});
