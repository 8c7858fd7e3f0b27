import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { APP_POLL_INTERVAL_MS, AppUnderTest } from "../fakes/apps/app.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil } from "../fakes/wait.ts";

const COMPACT_FIELDS = [
  "repositoryName",
  "id",
  "workflowName",
  "displayTitle",
  "event",
  "status",
  "createdAt",
  "updatedAt",
  "htmlUrl",
];

function addFourRepositories({ world }: AppUnderTest): void {
  ["a", "b", "c", "d"].forEach((name, index) => {
    const repository = `octo/${name}`;
    world.addRepository({ full_name: repository, pushed_at: `2026-01-0${index + 1}T00:00:00Z` });
    for (const hour of [1, 2, 3]) {
      const created_at = `2026-01-0${index + 1}T0${hour}:00:00Z`;
      world.addRun(repository, { created_at, display_title: `${name}${hour}` });
    }
  });
}

interface FrameRun {
  readonly id: number;
  readonly displayTitle: string;
  readonly status: string;
}

function parseRuns(frame: string): FrameRun[] {
  return JSON.parse(frame).runs;
}

Deno.test("/ws sends the 2 latest runs of the 3 most recently pushed repositories", async () => {
  await using test = await new AppUnderTest().start();
  addFourRepositories(test);
  await using client = await WebSocketClient.connect(test.socketUrl);
  const frame = await client.next();
  assertEquals(Object.keys(JSON.parse(frame)), ["runs"]);
  assertEquals(parseRuns(frame).map((run) => run.displayTitle), [
    "d3",
    "d2",
    "c3",
    "c2",
    "b3",
    "b2",
  ]);
  for (const run of parseRuns(frame)) assertEquals(Object.keys(run), COMPACT_FIELDS);
});

Deno.test("/ws sends the same bytes to all clients, and the latest at once to a new one", async () => {
  await using test = await new AppUnderTest().start();
  addFourRepositories(test);
  await using early = await WebSocketClient.connect(test.socketUrl);
  const frame = await early.next();
  await using late = await WebSocketClient.connect(test.socketUrl);
  assertEquals(await late.next(), frame);
  assertEquals(await early.next(), frame);
  assertEquals(await late.next(), frame);
});

Deno.test("/ws shows changes of runs, and its full view has more fields", async () => {
  await using test = await new AppUnderTest().start();
  test.world.addRepository({ full_name: "octo/a" });
  const run = test.world.addRun("octo/a", { status: "in_progress", conclusion: null });
  await using client = await WebSocketClient.connect(`${test.socketUrl}?view=full`);
  assertEquals(JSON.parse(await client.next()).runs[0].conclusion, null);
  test.world.updateRun(run.id, { status: "completed", conclusion: "failure" });
  await waitUntil(
    () => client.frames.some((frame) => JSON.parse(frame).runs[0].conclusion === "failure"),
    "the run has failed",
  );
  await waitUntil(
    () => test.events.some((event) => event.type === "run"),
    "the feed has the event",
  );
  const states = test.events.flatMap((event) => event.type === "run" ? [event.data.status] : []);
  assertEquals(states, ["in_progress", "completed"]);
});

Deno.test("/ws never shows a run going backwards while GitHub's lists lag", async () => {
  await using test = await new AppUnderTest().start();
  test.world.addRepository({ full_name: "octo/a" });
  const [first] = [test.world.addRun("octo/a", { status: "in_progress", conclusion: null })];
  await using client = await WebSocketClient.connect(test.socketUrl);
  await client.next();
  test.simulator.index.lag("octo/a", { requests: 3, shows: "frozen" });
  test.world.updateRun(first.id, { status: "completed", conclusion: "success" });
  const second = test.world.addRun("octo/a", { status: "queued", conclusion: null });
  await waitUntil(
    () => client.frames.some((frame) => parseRuns(frame)[0]?.id === second.id),
    "it shows",
  );
  test.simulator.index.lag("octo/a", { requests: 5, shows: "without_newest" });
  const before = client.frames.length;
  await waitUntil(() => client.frames.length > before + 6, "six more frames");
  const newest = client.frames.map((frame) => parseRuns(frame)[0]?.id);
  assertEquals(newest.lastIndexOf(first.id) < newest.indexOf(second.id), true);
});

Deno.test("/ws handles what GitHub documents as nullable", async () => {
  await using test = await new AppUnderTest().start();
  test.world.addRepository({ full_name: "octo/a" });
  test.world.addRun("octo/a", {
    name: null,
    head_branch: null,
    actor: null,
    conclusion: null,
    run_attempt: undefined,
    status: "a_status_of_tomorrow",
  });
  await using client = await WebSocketClient.connect(`${test.socketUrl}?view=full`);
  const [run] = JSON.parse(await client.next()).runs;
  assertEquals(run.branch, null);
  assertEquals(run.actor, null);
  assertEquals(run.runAttempt, 1);
  assertEquals(run.status, "a_status_of_tomorrow");
  assert(run.workflowName.endsWith(".yml") || run.workflowName.endsWith(".yaml"));
});

Deno.test("/ws needs as many requests for fifty clients as for one, and only changes count", async () => {
  await using test = await new AppUnderTest().start();
  addFourRepositories(test);
  const clients = await Promise.all(
    Array.from({ length: 50 }, () => WebSocketClient.connect(test.socketUrl)),
  );
  const [first] = clients;
  await waitUntil(() => (first?.frames.length ?? 0) >= 12, "twelve intervals have passed");
  await Promise.all(clients.map((client) => client.close()));
  const { requests, notModified, charged } = test.simulator.requests.counts;
  const polls = first?.frames.length ?? 0;
  // 3 requests per interval, and a list in every fifth.
  const expected = 3 * polls + Math.ceil(polls / 5);
  assert(Math.abs(requests - expected) <= 4, `${requests} requests, not about ${expected}`);
  assertEquals(charged, 4);
  assertEquals(notModified, requests - 4);
});

Deno.test("/ws polls only while a client is connected", async () => {
  await using test = await new AppUnderTest().start();
  addFourRepositories(test);
  await new Promise((resolve) => setTimeout(resolve, 2 * APP_POLL_INTERVAL_MS));
  assertEquals(test.simulator.requests.counts.requests, 0);
  const client = await WebSocketClient.connect(test.socketUrl);
  await client.next();
  await client.close();
  await waitUntil(async () => (await test.health()).github.state === "idle", "it rests");
  const { requests } = test.simulator.requests.counts;
  await new Promise((resolve) => setTimeout(resolve, 3 * APP_POLL_INTERVAL_MS));
  assertEquals(test.simulator.requests.counts.requests, requests);
});

Deno.test("/ws finds history at once with POLL_WHEN=always", async () => {
  await using test = await new AppUnderTest({ environment: { POLL_WHEN: "always" } }).start();
  addFourRepositories(test);
  await waitUntil(() => test.simulator.requests.counts.requests > 8, "it has polled");
  assertNotEquals((await test.health()).github.last_success_at, null);
  await using client = await WebSocketClient.connect(test.socketUrl);
  assertEquals(parseRuns(await client.next()).length, 6);
});
