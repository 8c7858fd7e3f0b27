import { assert, assertEquals } from "@std/assert";
import { EventStreamClient } from "../fakes/clients/event_stream.ts";
import {
  addMarkedRun,
  markedFullName,
  startVisibilityScenario,
  type VisibilityScenario,
} from "../fakes/apps/visibility_scenario.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil } from "../fakes/wait.ts";

/** The queries of a WebSocket. */
const WEBSOCKET_QUERIES = [
  "",
  "?view=full",
  "?topics=runs,events&since=0",
  "?topics=events&since=0&batch=true",
  "?topics=events&since=999999&view=full",
  "?topics=runs,events&since=999999&batch=true",
  `?topics=events&since=0&repository=${markedFullName("secret")}`,
];
const STREAM_QUERIES = [
  "?since=0",
  "?since=999999",
  "?topics=run&since=0",
  "",
  `?since=0&repository=${markedFullName("team")}`,
];

/** Everything a client receives until it is closed. */
interface Listener extends AsyncDisposable {
  readonly name: string;
  readonly text: () => string;
}

async function listenOnWebSocket(
  scenario: VisibilityScenario,
  login: string,
  query: string,
): Promise<Listener> {
  const { app, browsers } = scenario;
  const headers = { cookie: browsers.get(login)?.cookie ?? "", origin: app.url };
  const client = new WebSocketClient(new WebSocket(app.socketUrl + query, { headers }));
  await client.opened;
  return {
    name: `${login} at /ws${query}`,
    text: () => client.frames.join("\n"),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

async function listenOnStream(
  scenario: VisibilityScenario,
  login: string,
  query: string,
): Promise<Listener> {
  const { app, browsers } = scenario;
  const client = await EventStreamClient.connect(`${app.url}/api/v1/events${query}`, {
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

async function listenEverywhere(
  scenario: VisibilityScenario,
  login: string,
): Promise<readonly Listener[]> {
  return await Promise.all([
    ...WEBSOCKET_QUERIES.map((query) => listenOnWebSocket(scenario, login, query)),
    ...STREAM_QUERIES.map((query) => listenOnStream(scenario, login, query)),
  ]);
}

function assertHidden(
  scenario: VisibilityScenario,
  login: string,
  openListeners: readonly Listener[],
): void {
  for (const { name, text } of openListeners) {
    for (const { markers } of scenario.hiddenFrom(login)) {
      const shown = markers.filter((marker) => text().toLowerCase().includes(marker));
      assertEquals(shown, [], `${name} shows what is hidden`);
    }
  }
}

Deno.test("Every stream hides from each user what GitHub hides from that user", async () => {
  const scenario = await startVisibilityScenario();
  await using stack = new AsyncDisposableStack();
  stack.use(scenario.app);
  const openListeners = new Map<string, readonly Listener[]>();
  for (const login of scenario.browsers.keys()) {
    const all = await listenEverywhere(scenario, login);
    for (const each of all) stack.use(each);
    openListeners.set(login, all);
  }
  // Runs change by webhooks and polling, the hidden ones first.
  for (const status of ["queued", "in_progress", "completed"]) {
    for (const name of ["secret", "team", "open"]) addMarkedRun(scenario.app, name, status);
  }
  scenario.app.world.push(markedFullName("secret"));
  scenario.app.world.addRun(markedFullName("open"), { display_title: "The last of all" });
  const hasLastEvent = ({ name, text }: Listener) =>
    /repository=/.test(name) || text().includes("The last of all");
  await waitUntil(
    () => [...openListeners.values()].flat().every(hasLastEvent),
    "every client has received it",
  );
  for (const [login, all] of openListeners) assertHidden(scenario, login, all);
  // Clients with access received it, with every query.
  for (const { name, text } of openListeners.get("mona") ?? []) {
    assert(text().includes(/octo\/team/.test(name) ? "teammarked" : "secretmarked"), name);
  }
});

Deno.test("An open stream shows nothing of a repository that was hidden", async () => {
  const scenario = await startVisibilityScenario();
  await using stack = new AsyncDisposableStack();
  const { app } = stack.use({
    app: scenario.app,
    [Symbol.asyncDispose]: () => scenario.app.stop(),
  });
  const all = await listenEverywhere(scenario, "hubot");
  for (const each of all) stack.use(each);
  const browser = scenario.browsers.get("hubot");
  assert(browser);
  const [team] = scenario.repositories.filter(({ fullName }) =>
    fullName === markedFullName("team")
  );
  assert(team);
  app.world.users.revoke("hubot", team.fullName);
  await waitUntil(async () => {
    const response = await browser.get(`/repositories/${team.id}`);
    await response.body?.cancel();
    return response.status === 404;
  }, "the permission change has arrived");
  const mark = "Titleteammarked after it was hidden";
  app.world.addRun(team.fullName, { display_title: mark });
  app.world.addRun(markedFullName("open"), { display_title: "The last of all" });
  const hasLastEvent = ({ name, text }: Listener) =>
    /repository=/.test(name) || text().includes("The last of all");
  await waitUntil(() => all.every(hasLastEvent), "every client has received it");
  for (const { name, text } of all) assert(!text().includes(mark), name);
});
