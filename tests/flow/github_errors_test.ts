import { assert, assertEquals } from "@std/assert";
import { AppUnderTest, TOKEN } from "../fakes/apps/app.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";

async function startWithOneRun(): Promise<AppUnderTest> {
  const test = await new AppUnderTest().start();
  test.world.addRepository({ full_name: "octo/a" });
  test.world.addRun("octo/a", { status: "in_progress", conclusion: null });
  return test;
}

/** Waits until /health names `state`, and returns what it says of GitHub. */
async function waitForState(test: AppUnderTest, state: string): Promise<Record<string, unknown>> {
  let github: Record<string, unknown> = {};
  await waitUntil(async () => {
    github = (await test.health()).github;
    return github.state === state;
  }, `/health says ${state}`);
  return github;
}

Deno.test("A primary rate limit pauses polling: clients keep their snapshot, health and feed report the end", async () => {
  await using test = await startWithOneRun();
  await using client = await WebSocketClient.connect(test.socketUrl);
  const frame = await client.next();
  const reset = Math.ceil(Date.now() / 1000) + 3;
  test.simulator.rateLimits.set(TOKEN, { remaining: 0, reset });
  const github = await waitForState(test, "waiting");
  const until = Date.parse(String(github.waiting_until));
  assert(Math.abs(until - reset * 1000) <= 2_000, `${github.waiting_until}`);
  const statusEvent = test.events.findLast((event) => event.type === "status");
  assertEquals(statusEvent?.data, { state: "waiting", waiting_until: github.waiting_until });
  assertEquals(client.socket.readyState, WebSocket.OPEN);

  await using late = await WebSocketClient.connect(test.socketUrl);
  assertEquals(await late.next(), frame);
  await waitForState(test, "polling");
});

Deno.test("A secondary rate limit pauses polling for Retry-After", async () => {
  await using test = await startWithOneRun();
  await using client = await WebSocketClient.connect(test.socketUrl);
  await client.next();
  test.simulator.faults.add({ kind: "secondary_limit", status: 429, retryAfter: 2 });
  await waitForState(test, "waiting");
  const requestCount = test.simulator.requests.counts.requests;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assertEquals(test.simulator.requests.counts.requests, requestCount);
  await waitForState(test, "polling");
});

for (
  const fault of [
    { kind: "status", status: 502, body: "html" },
    { kind: "status", status: 503, body: "json" },
    { kind: "cut" },
    { kind: "garbage" },
  ] as const
) {
  Deno.test(`A fault of GitHub's (${Object.values(fault).join(" ")}) is reported, and polling recovers`, async () => {
    await using test = await startWithOneRun();
    await using client = await WebSocketClient.connect(test.socketUrl);
    await client.next();
    test.simulator.faults.add(fault, { requests: 1_000 });
    await waitForState(test, "unreachable");
    assertEquals((await test.health()).status, "degraded");
    test.simulator.faults.clear();
    await waitForState(test, "polling");
    const count = client.frames.length;
    await waitUntil(() => client.frames.length > count, "frames arrive again");
    assertEquals((await test.health()).status, "healthy");
  });
}

Deno.test("A revoked token is reported as unauthorized, and clients stay connected", async () => {
  await using test = await startWithOneRun();
  await using client = await WebSocketClient.connect(test.socketUrl);
  await client.next();
  test.simulator.credentials.revoke(TOKEN);
  const github = await waitForState(test, "unauthorized");
  assert(Date.parse(String(github.waiting_until)) > Date.now() + 30_000);
  assertEquals(client.socket.readyState, WebSocket.OPEN);
  assertEquals((await test.health()).status, "degraded");
});

for (const status of [403, 404, 451] as const) {
  Deno.test(`A repository that answers ${status} is skipped, and the other one stays`, async () => {
    await using test = await startWithOneRun();
    test.world.addRepository({ full_name: "octo/b" });
    test.world.addRun("octo/b", {});
    await using client = await WebSocketClient.connect(test.socketUrl);
    const names = (frame: string | undefined): string[] =>
      JSON.parse(frame ?? "{}").runs.map((run: { repositoryName: string }) => run.repositoryName);
    assertEquals(names(await client.next()).length, 2);
    test.world.blockRepository("octo/b", status);
    await waitUntil(() => names(client.frames.at(-1)).join() === "octo/a", "it is left out");
    assertEquals((await test.health()).github.state, "polling");
    test.world.blockRepository("octo/b", undefined);
    await waitUntil(() => names(client.frames.at(-1)).length === 2, "it is back");
  });
}

Deno.test("The program stops while GitHub does not answer, and closes its clients with 1001", async () => {
  const test = await startWithOneRun();
  test.simulator.faults.add({ kind: "delay", ms: 60_000 }, { requests: 10 });
  const client = await WebSocketClient.connect(test.socketUrl);
  await waitUntil(() => test.app.poller.phase.name === "listing", "it requests the list");
  await test.stop();
  assertEquals((await withTimeout(client.closed, "the end")).code, 1001);
});
