import { assert, assertEquals } from "@std/assert";
import type { MessageData, StoredEvent } from "../../src/feed/event.ts";
import { AppUnderTest } from "../fakes/apps/app.ts";
import type { Browser } from "../fakes/clients/browser.ts";
import { EventStreamClient } from "../fakes/clients/event_stream.ts";
import { LoginApp } from "../fakes/apps/login_app.ts";
import { messageFrame, nextContent, nextError } from "../fakes/stores/messages.ts";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";

const ignore = !await isPostgresAvailable();

/** Connects, and waits until the client receives its own message. */
async function joinMessages(
  url: string,
  headers: Record<string, string> = {},
): Promise<WebSocketClient> {
  const client = new WebSocketClient(new WebSocket(`${url}?topics=messages`, { headers }));
  await withTimeout(client.opened, "a connection");
  const name = crypto.randomUUID();
  client.socket.send(messageFrame(name, name));
  while (JSON.parse(await client.next()).user_id !== name) continue;
  return client;
}

function parseMessages({ frames }: WebSocketClient): readonly MessageData[] {
  return frames.map((frame) => JSON.parse(frame));
}

/** The messages of the senders `a`, `b` …, without those sent to join. */
function testContents(received: readonly MessageData[]): readonly string[] {
  return received.filter(({ user_id }) => user_id.length === 1).map(({ content }) => content);
}

/** Each of `senders` sends `1`, `2` … as fast as the rate limit allows, concurrently. */
function sendAll(senders: readonly WebSocketClient[], count: number): void {
  for (let each = 1; each <= count; each++) {
    for (const [index, { socket }] of senders.entries()) {
      const name = String.fromCharCode(97 + index);
      socket.send(messageFrame(`${name} ${each}`, name));
    }
  }
}

/** Checks that every client received `expected` messages of `senders`, all in one order that preserves each sender's order. */
async function assertSameOrder(
  clients: readonly WebSocketClient[],
  { senders, count }: { readonly senders: number; readonly count: number },
): Promise<readonly string[]> {
  const received = () => clients.map((client) => testContents(parseMessages(client)));
  const total = senders * count;
  await waitUntil(
    () => received().every(({ length }) => length >= total),
    "every message is received",
  );
  const [first = [], ...others] = received();
  for (const each of others) assertEquals(each, first);
  assertEquals(first.length, total);
  for (let at = 0; at < senders; at++) {
    const name = String.fromCharCode(97 + at);
    const sent = first.filter((content) => content.startsWith(name));
    assertEquals(sent, Array.from({ length: count }, (_, each) => `${name} ${each + 1}`));
  }
  return first;
}

async function listMessages(url: string): Promise<readonly MessageData[]> {
  return (await (await fetch(`${url}/api/v1/messages?limit=100`)).json()).items;
}

Deno.test("Every message of many senders reaches every client once, in one order", async () => {
  await using app = await new AppUnderTest().start();
  await using stack = new AsyncDisposableStack();
  const clients = await Promise.all(
    Array.from({ length: 30 }, async () => stack.use(await joinMessages(app.socketUrl))),
  );
  await using events = await EventStreamClient.connectPastPreamble(
    `${app.url}/api/v1/events?topics=message&since=0`,
  );
  sendAll(clients.slice(0, 8), 10);
  const received = await assertSameOrder(clients, { senders: 8, count: 10 });
  assertEquals(testContents((await listMessages(app.url)).toReversed()).slice(-80), received);
  // The numbers of the feed are the order.
  const numbers = await events.nextSeqs(110);
  assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  const published = app.events.filter(({ type }) => type === "message").map(({ data }) => data);
  assertEquals(testContents(published as MessageData[]), received);
});

Deno.test({
  name: "Every message reaches the clients of two instances once, in one order",
  ignore,
  async fn() {
    await using schema = await createTestSchema();
    const environment = { DATABASE_URL: schema.url };
    await using one = await new AppUnderTest({ environment }).start();
    await using two = await new AppUnderTest({ environment }).start();
    await using stack = new AsyncDisposableStack();
    const clients = await Promise.all(
      Array.from(
        { length: 8 },
        async (_, at) => stack.use(await joinMessages((at % 2 === 0 ? one : two).socketUrl)),
      ),
    );
    sendAll(clients.slice(0, 4), 10);
    const received = await assertSameOrder(clients, { senders: 4, count: 10 });
    for (const { url } of [one, two]) {
      assertEquals(testContents((await listMessages(url)).toReversed()), received);
    }
  },
});

Deno.test("A client that reconnects receives the missed messages, also after a restart", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const environment = { DATABASE_URL: `sqlite:${folder}/runwire.db` };
    await using app = await new AppUnderTest({ environment }).start();
    const post = async (content: string) => {
      const response = await fetch(`${app.url}/api/v1/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: messageFrame(content, "a"),
      });
      assertEquals(response.status, 201);
      await response.body?.cancel();
    };
    const first = await EventStreamClient.connectPastPreamble(
      `${app.url}/api/v1/events?topics=message&since=0`,
    );
    await post("one");
    const [seq = 0] = await first.nextSeqs(1);
    await first[Symbol.asyncDispose]();
    await post("two");
    await app.stopApp();
    await app.start();
    await post("three");
    await using back = await EventStreamClient.connect(
      `${app.url}/api/v1/events?topics=message&since=${seq}`,
    );
    await using socket = await WebSocketClient.connect(
      `${app.socketUrl}?topics=events&since=${seq}`,
    );
    const received: string[] = [];
    while (received.length < 2) {
      const block = await back.next() ?? "";
      if (!block.startsWith("event:message")) continue;
      const event = JSON.parse(block.match(/^data:(.*)$/m)?.[1] ?? "");
      received.push(event.data.content);
    }
    assertEquals(received, ["two", "three"]);
    const events: StoredEvent[] = [];
    while (events.filter(({ type }) => type === "message").length < 2) {
      events.push(JSON.parse(await socket.next()));
    }
    const socketContents = events.flatMap((event) =>
      event.type === "message" ? [event.data.content] : []
    );
    assertEquals(socketContents, ["two", "three"]);
    assertEquals((await listMessages(app.url)).map(({ content }) => content), [
      "three",
      "two",
      "one",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A WebSocket of a page of the server, with the session of the browser. */
async function connectAs(app: LoginApp, { cookie }: Browser): Promise<WebSocketClient> {
  const headers = { cookie, origin: app.url };
  const client = new WebSocketClient(
    new WebSocket(`${app.socketUrl}?topics=messages`, { headers }),
  );
  await withTimeout(client.opened, "a connection");
  return client;
}

Deno.test("A member sends messages under their login, and a viewer only receives them", async () => {
  await using app = await new LoginApp().start();
  const mona = await app.signIn("mona");
  const nat = await app.signIn("nat");
  await using speaker = await connectAs(app, mona);
  await using viewer = await connectAs(app, nat);
  viewer.socket.send(messageFrame("may I?", "mona"));
  assertEquals((await nextError(viewer)).code, "forbidden");
  const answer = await nat.request("POST", "/api/v1/messages", { content: "and now?" });
  assertEquals([answer.status, (await answer.json()).code], [403, "forbidden"]);
  speaker.socket.send('{"content":"from the socket"}');
  assertEquals(await nextContent(speaker), "from the socket");
  const posted = await mona.request("POST", "/api/v1/messages", {
    content: "by REST",
    user_id: "nat",
  });
  assertEquals([posted.status, (await posted.json()).user_id], [201, "mona"]);
  for (const client of [speaker, viewer]) {
    await waitUntil(
      () => parseMessages(client).some(({ content }) => content === "by REST"),
      "the message is received",
    );
  }
  const { items } = await (await nat.get("/api/v1/messages")).json();
  assertEquals(items.map(({ user_id }: MessageData) => user_id), ["mona", "mona"]);
  // Connections without a session are rejected.
  const rejected = await fetch(`${app.url}/api/v1/messages`);
  assertEquals([rejected.status, (await rejected.json()).code], [401, "unauthenticated"]);
});

Deno.test({
  name: "Messages are rejected while the database is unavailable, and accepted afterwards",
  ignore,
  async fn() {
    await using schema = await createTestSchema();
    await using proxy = TcpProxy.to(schema.url);
    const environment = { DATABASE_URL: proxy.proxiedUrl(schema.url) };
    await using app = await new AppUnderTest({ environment }).start();
    await using ada = await joinMessages(app.socketUrl);
    await using bob = await joinMessages(app.socketUrl);
    await waitUntil(() => ada.frames.length === 2, "both have joined");
    await ada.next();
    proxy.disconnect();
    ada.socket.send(messageFrame("lost", "a"));
    assertEquals((await nextError(ada)).code, "storage_unavailable");
    const answer = await fetch(`${app.url}/api/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: messageFrame("lost", "a"),
    });
    assertEquals([answer.status, (await answer.json()).code], [503, "storage_unavailable"]);
    proxy.restore();
    ada.socket.send(messageFrame("stored", "a"));
    assertEquals([await nextContent(ada), await nextContent(bob)], ["stored", "stored"]);
    assertEquals(testContents(await listMessages(app.url)), ["stored"]);
    assert(!bob.frames.join().includes("error"));
  },
});
