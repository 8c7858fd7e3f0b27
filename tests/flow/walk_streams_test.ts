import { assert, assertEquals } from "@std/assert";
import { StreamClient } from "../fakes/event_stream.ts";
import { fullNameOf, happen, type HiddenWorld, hiddenWorld } from "../fakes/hidden_world.ts";
import { SocketClient, until } from "../fakes/socket.ts";

/** Every way to listen to a WebSocket. */
const SOCKETS = [
  "",
  "?view=full",
  "?topics=runs,events&since=0",
  "?topics=events&since=0&batch=true",
  "?topics=events&since=999999&view=full",
  "?topics=runs,events&since=999999&batch=true",
  `?topics=events&since=0&repository=${fullNameOf("secret")}`,
];
const STREAMS = [
  "?since=0",
  "?since=999999",
  "?topics=run&since=0",
  "",
  `?since=0&repository=${fullNameOf("team")}`,
];

/** All that a client hears, until it is closed. */
interface Listener extends AsyncDisposable {
  readonly name: string;
  readonly text: () => string;
}

async function listenBySocket(world: HiddenWorld, login: string, query: string): Promise<Listener> {
  const { app, browsers } = world;
  const headers = { cookie: browsers.get(login)?.cookie ?? "", origin: app.url };
  const client = new SocketClient(new WebSocket(app.socketUrl + query, { headers }));
  await client.opened;
  return {
    name: `${login} at /ws${query}`,
    text: () => client.frames.join("\n"),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

async function listenByStream(world: HiddenWorld, login: string, query: string): Promise<Listener> {
  const { app, browsers } = world;
  const client = await StreamClient.connect(`${app.url}/api/v1/events${query}`, {
    cookie: browsers.get(login)?.cookie ?? "",
  });
  const blocks: string[] = [];
  let isOver = false;
  const reading = (async () => {
    for (;;) {
      const block = await client.next().catch(() => undefined);
      if (block === undefined || isOver) return;
      blocks.push(block);
    }
  })();
  return {
    name: `${login} at /api/v1/events${query}`,
    text: () => blocks.join("\n"),
    async [Symbol.asyncDispose]() {
      isOver = true;
      await client[Symbol.asyncDispose]();
      await reading;
    },
  };
}

async function listeners(world: HiddenWorld, login: string): Promise<readonly Listener[]> {
  return await Promise.all([
    ...SOCKETS.map((query) => listenBySocket(world, login, query)),
    ...STREAMS.map((query) => listenByStream(world, login, query)),
  ]);
}

function assertHidden(world: HiddenWorld, login: string, heard: readonly Listener[]): void {
  for (const { name, text } of heard) {
    for (const { marks } of world.hiddenFrom(login)) {
      const shown = marks.filter((mark) => text().toLowerCase().includes(mark));
      assertEquals(shown, [], `${name} shows what is hidden`);
    }
  }
}

Deno.test("Every stream hides from each user what GitHub hides from that user", async () => {
  const world = await hiddenWorld();
  await using stack = new AsyncDisposableStack();
  stack.use(world.app);
  const heard = new Map<string, readonly Listener[]>();
  for (const login of world.browsers.keys()) {
    const all = await listeners(world, login);
    for (const each of all) stack.use(each);
    heard.set(login, all);
  }
  // Things go on, the hidden ones first; webhooks and polling tell of them.
  for (const status of ["queued", "in_progress", "completed"]) {
    for (const name of ["secret", "team", "open"]) happen(world.app, name, status);
  }
  world.app.world.push(fullNameOf("secret"));
  world.app.world.addRun(fullNameOf("open"), { display_title: "The last of all" });
  const isHeard = ({ name, text }: Listener) =>
    /repository=/.test(name) || text().includes("The last of all");
  await until(() => [...heard.values()].flat().every(isHeard), "everybody has heard of it");
  for (const [login, all] of heard) assertHidden(world, login, all);
  // Who may see it has heard it, by every way.
  for (const { name, text } of heard.get("mona") ?? []) {
    assert(text().includes(/octo\/team/.test(name) ? "teammarked" : "secretmarked"), name);
  }
});

Deno.test("A stream that is open shows nothing more of what was hidden meanwhile", async () => {
  const world = await hiddenWorld();
  await using stack = new AsyncDisposableStack();
  const { app } = stack.use({ app: world.app, [Symbol.asyncDispose]: () => world.app.stop() });
  const all = await listeners(world, "hubot");
  for (const each of all) stack.use(each);
  const browser = world.browsers.get("hubot");
  assert(browser);
  const [team] = world.repositories.filter(({ fullName }) => fullName === fullNameOf("team"));
  assert(team);
  app.world.people.revoke("hubot", team.fullName);
  await until(async () => {
    const response = await browser.get(`/repositories/${team.id}`);
    await response.body?.cancel();
    return response.status === 404;
  }, "GitHub has told that it is hidden");
  const mark = "Titleteammarked after it was hidden";
  app.world.addRun(team.fullName, { display_title: mark });
  app.world.addRun(fullNameOf("open"), { display_title: "The last of all" });
  const isHeard = ({ name, text }: Listener) =>
    /repository=/.test(name) || text().includes("The last of all");
  await until(() => all.every(isHeard), "everybody has heard of it");
  for (const { name, text } of all) assert(!text().includes(mark), name);
});
