import { assert, assertEquals } from "@std/assert";
import { AppUnderTest } from "../fakes/apps/app.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil } from "../fakes/wait.ts";

const SECRET = "It's a Secret to Everybody";
/** Longer than any test, so that polling finds no change. */
const LONG_POLL_INTERVAL_MS = 600_000;

/** The program with its webhook at `octo/a` and `octo/b`, and a client that has received its first frame. */
class AppWithTwoRepositories extends AppUnderTest {
  readonly #stopDeliveries = new AbortController();
  #deliveries: Promise<void> = Promise.resolve();

  constructor(environment: Record<string, string> = {}) {
    super({
      pollIntervalMs: LONG_POLL_INTERVAL_MS,
      environment: { GITHUB_WEBHOOK_SECRET: SECRET, POLL_REPOSITORIES: "1", ...environment },
    });
    for (const [index, name] of ["octo/a", "octo/b"].entries()) {
      this.world.addRepository({ full_name: name, pushed_at: `2026-01-0${2 - index}T00:00:00Z` });
    }
  }

  createWebhooks(): void {
    for (const name of ["octo/a", "octo/b"]) {
      this.simulator.webhooks.add(name, {
        url: `${this.url}/api/v1/webhook/github`,
        secret: SECRET,
        content_type: "json",
        events: ["*"],
      });
    }
    this.#deliveries = this.simulator.deliver(this.#stopDeliveries.signal);
  }

  override async stop(): Promise<void> {
    this.#stopDeliveries.abort();
    await this.#deliveries;
    await super.stop();
  }
}

interface FrameRun {
  readonly id: number;
  readonly repositoryName: string;
  readonly status: string;
}

function parseRuns(frame: string | undefined): FrameRun[] {
  return frame === undefined ? [] : JSON.parse(frame).runs;
}

Deno.test("A webhook changes the snapshot at once, without a request to GitHub", async () => {
  await using test = new AppWithTwoRepositories();
  const run = test.world.addRun("octo/a", { status: "in_progress", conclusion: null });
  await test.start();
  test.createWebhooks();
  await using client = await WebSocketClient.connect(test.socketUrl);
  assertEquals(parseRuns(await client.next())[0]?.status, "in_progress");
  const { requests } = test.simulator.requests.counts;

  test.world.updateRun(run.id, { status: "completed", conclusion: "failure" });
  await waitUntil(() => parseRuns(client.frames.at(-1))[0]?.status === "completed", "it has ended");
  assertEquals(test.simulator.requests.counts.requests, requests);
  await waitUntil(() => test.events.some(isCompletedRun), "the feed has the event");
});

Deno.test("Webhooks fill the attempts and jobs of a run", async () => {
  await using test = new AppWithTwoRepositories();
  await test.start();
  test.createWebhooks();
  const { id } = test.world.addRun("octo/a", { status: "in_progress" });
  test.world.updateRun(id, { status: "completed", conclusion: "failure" });
  test.world.rerun(id);
  test.world.updateRun(id, { status: "completed", conclusion: "success" });
  const detail = async () => await (await fetch(`${test.url}/api/v1/runs/${id}`)).json();
  const ended = ({ attempts = [], jobs = [] }: Record<string, { conclusion: string }[]>) =>
    [...attempts, ...jobs].map(({ conclusion }) => conclusion);
  await waitUntil(async () => ended(await detail()).filter(Boolean).length === 4, "all has ended");
  assertEquals(ended(await detail()), ["failure", "success", "failure", "success"]);
  const { jobs } = await detail();
  assertEquals(jobs.map((job: Record<string, unknown>) => job["run_attempt"]), [1, 2]);
});

Deno.test("A push moves its repository to the front of the snapshot", async () => {
  await using test = new AppWithTwoRepositories();
  test.world.addRun("octo/a", {});
  await test.start();
  test.createWebhooks();
  await using client = await WebSocketClient.connect(test.socketUrl);
  assertEquals(parseRuns(await client.next())[0]?.repositoryName, "octo/a");
  test.world.push("octo/b", {});
  await waitUntil(
    () => parseRuns(client.frames.at(-1))[0]?.repositoryName === "octo/b",
    "the other repository is shown",
  );
});

Deno.test("Many webhooks cause one extra frame a second, and the last one is current", async () => {
  await using test = new AppWithTwoRepositories();
  const run = test.world.addRun("octo/a", { status: "in_progress", conclusion: null });
  await test.start();
  test.createWebhooks();
  await using client = await WebSocketClient.connect(test.socketUrl);
  await client.next();
  const began = Date.now();
  for (let number = 1; number <= 20; number++) {
    test.world.updateRun(run.id, { display_title: `Title ${number}`, status: "in_progress" });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  test.world.updateRun(run.id, { status: "completed", conclusion: "success" });
  await waitUntil(() => parseRuns(client.frames.at(-1))[0]?.status === "completed", "it has ended");
  const seconds = (Date.now() - began) / 1000;
  assert(client.frames.length <= 2 + seconds, `${client.frames.length} frames in ${seconds} s`);
});

Deno.test("Deliveries missed while the program was stopped are redelivered on start", async () => {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  await using test = new AppWithTwoRepositories({
    DATABASE_URL: `sqlite:${folder}/runwire.db`,
    SERVER_PORT: String(port),
  });
  const run = test.world.addRun("octo/a", { status: "in_progress", conclusion: null });
  await test.start();
  test.createWebhooks();
  const client = await WebSocketClient.connect(test.socketUrl);
  await client.next();
  await client.close();
  await test.stopApp();

  test.world.updateRun(run.id, { status: "completed", conclusion: "success" });
  const [hook] = test.simulator.webhooks.list("octo/a");
  assert(hook);
  await waitUntil(
    () => test.simulator.webhooks.deliveries(hook.id).length > 0,
    "a delivery has failed",
  );
  await test.start();
  await waitUntil(() => test.events.some(isCompletedRun), "it was delivered again");
  await test.stop();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("The webhook rejects everything without a secret, and reports it", async () => {
  await using test = await new AppUnderTest().start();
  const response = await fetch(`${test.url}/api/webhooks/github`, { method: "POST", body: "{}" });
  assertEquals(response.status, 503);
  assertEquals((await response.json()).code, "webhook_secret_missing");
});

function isCompletedRun(event: { type: string; data: unknown }): boolean {
  return event.type === "run" && JSON.stringify(event.data).includes('"status":"completed"');
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}
