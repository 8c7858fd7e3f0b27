import { assert, assertEquals } from "@std/assert";
import type { MessageData, StoredEvent } from "../../src/feed/event.ts";
import { AppUnderTest } from "../fakes/app.ts";
import type { Browser } from "../fakes/browser.ts";
import { StreamClient } from "../fakes/event_stream.ts";
import { LoginApp } from "../fakes/login_app.ts";
import { contentOf, errorOf, said } from "../fakes/messages.ts";
import { isPostgresThere, testSchema } from "../fakes/postgres.ts";
import { SocketClient, until, within } from "../fakes/socket.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";

const ignore = !await isPostgresThere();

/** Connects, and waits until it hears what others say: it hears itself. */
async function join(url: string, headers: Record<string, string> = {}): Promise<SocketClient> {
  const client = new SocketClient(new WebSocket(`${url}?topics=messages`, { headers }));
  await within(client.opened, "a connection");
  const name = crypto.randomUUID();
  client.socket.send(said(name, name));
  while (JSON.parse(await client.next()).user_id !== name) continue;
  return client;
}

function messagesOf({ frames }: SocketClient): readonly MessageData[] {
  return frames.map((frame) => JSON.parse(frame));
}

/** What was said in a test by sender `a`, `b` …; not what was said to join. */
function contents(heard: readonly MessageData[]): readonly string[] {
  return heard.filter(({ user_id }) => user_id.length === 1).map(({ content }) => content);
}

/** Each of `senders` says `1`, `2` … as fast as it may; all at once. */
function sayAll(senders: readonly SocketClient[], count: number): void {
  for (let each = 1; each <= count; each++) {
    for (const [at, { socket }] of senders.entries()) {
      const name = String.fromCharCode(97 + at);
      socket.send(said(`${name} ${each}`, name));
    }
  }
}

/** Every client has heard `expected` messages of `senders`, all in one order, that of each sender its own. */
async function assertSame(
  clients: readonly SocketClient[],
  { senders, count }: { readonly senders: number; readonly count: number },
): Promise<readonly string[]> {
  const heard = () => clients.map((client) => contents(messagesOf(client)));
  const total = senders * count;
  await until(() => heard().every(({ length }) => length >= total), "all is heard");
  const [first = [], ...others] = heard();
  for (const each of others) assertEquals(each, first);
  assertEquals(first.length, total);
  for (let at = 0; at < senders; at++) {
    const name = String.fromCharCode(97 + at);
    const own = first.filter((content) => content.startsWith(name));
    assertEquals(own, Array.from({ length: count }, (_, each) => `${name} ${each + 1}`));
  }
  return first;
}

async function itemsOf(url: string): Promise<readonly MessageData[]> {
  return (await (await fetch(`${url}/api/v1/messages?limit=100`)).json()).items;
}

Deno.test("Every message of many reaches everybody once, in one order", async () => {
  await using app = await new AppUnderTest().start();
  await using stack = new AsyncDisposableStack();
  const clients = await Promise.all(
    Array.from({ length: 30 }, async () => stack.use(await join(app.socketUrl))),
  );
  await using events = await StreamClient.begin(`${app.url}/api/v1/events?topics=message&since=0`);
  sayAll(clients.slice(0, 8), 10);
  const heard = await assertSame(clients, { senders: 8, count: 10 });
  assertEquals(contents((await itemsOf(app.url)).toReversed()).slice(-80), heard);
  // The numbers of the feed are the order.
  const numbers = await events.numbers(110);
  assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  const told = app.events.filter(({ type }) => type === "message").map(({ data }) => data);
  assertEquals(contents(told as MessageData[]), heard);
});

Deno.test({
  name: "Every message reaches the clients of two instances once, in one order",
  ignore,
  async fn() {
    await using schema = await testSchema();
    const environment = { DATABASE_URL: schema.url };
    await using one = await new AppUnderTest({ environment }).start();
    await using two = await new AppUnderTest({ environment }).start();
    await using stack = new AsyncDisposableStack();
    const clients = await Promise.all(
      Array.from(
        { length: 8 },
        async (_, at) => stack.use(await join((at % 2 === 0 ? one : two).socketUrl)),
      ),
    );
    sayAll(clients.slice(0, 4), 10);
    const heard = await assertSame(clients, { senders: 4, count: 10 });
    for (const { url } of [one, two]) {
      assertEquals(contents((await itemsOf(url)).toReversed()), heard);
    }
  },
});

Deno.test("Whoever comes back hears what was said meanwhile, over a restart too", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const environment = { DATABASE_URL: `sqlite:${folder}/runwire.db` };
    await using app = await new AppUnderTest({ environment }).start();
    const post = async (content: string) => {
      const response = await fetch(`${app.url}/api/v1/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: said(content, "a"),
      });
      assertEquals(response.status, 201);
      await response.body?.cancel();
    };
    const first = await StreamClient.begin(`${app.url}/api/v1/events?topics=message&since=0`);
    await post("one");
    const [seq = 0] = await first.numbers(1);
    await first[Symbol.asyncDispose]();
    await post("two");
    await app.stopApp();
    await app.start();
    await post("three");
    await using back = await StreamClient.connect(
      `${app.url}/api/v1/events?topics=message&since=${seq}`,
    );
    await using socket = await SocketClient.connect(`${app.socketUrl}?topics=events&since=${seq}`);
    const heard: string[] = [];
    while (heard.length < 2) {
      const block = await back.next() ?? "";
      if (!block.startsWith("event:message")) continue;
      const event = JSON.parse(block.match(/^data:(.*)$/m)?.[1] ?? "");
      heard.push(event.data.content);
    }
    assertEquals(heard, ["two", "three"]);
    const events: StoredEvent[] = [];
    while (events.filter(({ type }) => type === "message").length < 2) {
      events.push(JSON.parse(await socket.next()));
    }
    const said2 = events.flatMap((event) => event.type === "message" ? [event.data.content] : []);
    assertEquals(said2, ["two", "three"]);
    assertEquals((await itemsOf(app.url)).map(({ content }) => content), ["three", "two", "one"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A socket of a page of ours, in which that browser's user has signed in. */
async function connectAs(app: LoginApp, { cookie }: Browser): Promise<SocketClient> {
  const headers = { cookie, origin: app.url };
  const client = new SocketClient(new WebSocket(`${app.socketUrl}?topics=messages`, { headers }));
  await within(client.opened, "a connection");
  return client;
}

Deno.test("A member speaks under his login, and a viewer only listens", async () => {
  await using app = await new LoginApp().start();
  const mona = await app.signedIn("mona");
  const nat = await app.signedIn("nat");
  await using speaker = await connectAs(app, mona);
  await using viewer = await connectAs(app, nat);
  viewer.socket.send(said("may I?", "mona"));
  assertEquals((await errorOf(viewer)).code, "forbidden");
  const answer = await nat.ask("POST", "/api/v1/messages", { content: "and now?" });
  assertEquals([answer.status, (await answer.json()).code], [403, "forbidden"]);
  speaker.socket.send('{"content":"from the socket"}');
  assertEquals(await contentOf(speaker), "from the socket");
  const posted = await mona.ask("POST", "/api/v1/messages", { content: "by REST", user_id: "nat" });
  assertEquals([posted.status, (await posted.json()).user_id], [201, "mona"]);
  for (const client of [speaker, viewer]) {
    await until(
      () => messagesOf(client).some(({ content }) => content === "by REST"),
      "it is told",
    );
  }
  const { items } = await (await nat.get("/api/v1/messages")).json();
  assertEquals(items.map(({ user_id }: MessageData) => user_id), ["mona", "mona"]);
  // Nobody hears anything without having signed in.
  const refused = await fetch(`${app.url}/api/v1/messages`);
  assertEquals([refused.status, (await refused.json()).code], [401, "unauthenticated"]);
});

Deno.test({
  name: "While the storage is away a message is refused, and all goes on when it is back",
  ignore,
  async fn() {
    await using schema = await testSchema();
    await using proxy = TcpProxy.to(schema.url);
    const environment = { DATABASE_URL: proxy.through(schema.url) };
    await using app = await new AppUnderTest({ environment }).start();
    await using ada = await join(app.socketUrl);
    await using bob = await join(app.socketUrl);
    await until(() => ada.frames.length === 2, "both have joined");
    await ada.next();
    proxy.cut();
    ada.socket.send(said("lost", "a"));
    assertEquals((await errorOf(ada)).code, "storage_unavailable");
    const answer = await fetch(`${app.url}/api/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: said("lost", "a"),
    });
    assertEquals([answer.status, (await answer.json()).code], [503, "storage_unavailable"]);
    proxy.heal();
    ada.socket.send(said("kept", "a"));
    assertEquals([await contentOf(ada), await contentOf(bob)], ["kept", "kept"]);
    assertEquals(contents(await itemsOf(app.url)), ["kept"]);
    assert(!bob.frames.join().includes("error"));
  },
});
