import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Program } from "../fakes/program.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil } from "../fakes/wait.ts";

const FIELDS = [
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

Deno.test("runwire demo streams the same snapshots of nine fields to every client, with no account", async () => {
  await using program = await Program.start(["demo"], {
    SERVER_PORT: "0",
    POLL_INTERVAL_SECONDS: "1",
  });
  const [, url = ""] = await program.stdout.find(/(ws:\/\/127\.0\.0\.1:\d+\/ws)$/);
  await using first = await WebSocketClient.connect(url);
  const frame = await first.next();
  const { runs, ...others } = JSON.parse(frame);
  assertEquals(others, {});
  assertEquals(runs.length, 6);
  for (const run of runs) assertEquals(Object.keys(run), FIELDS);

  await using second = await WebSocketClient.connect(url);
  const frames = [await second.next(), await second.next(), await second.next()].join("\n");
  await waitUntil(
    () => first.frames.join("\n").includes(frames),
    "both clients have the same three frames",
  );
});

Deno.test("runwire demo states in its log and on the screen that GitHub is simulated", async () => {
  await using program = await Program.start(["demo"], { SERVER_PORT: "0" });
  await program.stdout.find(/simulated GitHub, no account, no network/);
  const [line] = await program.stderr.find(/This is a demo/);
  assertStringIncludes(String(line), "This is a demo");
  program.kill("SIGINT");
  assertEquals(await program.exit(), 0);
  assert(program.stderr.all.every((each) => JSON.parse(each).level === "INFO"), program.output);
});

Deno.test("runwire demo ignores credentials", async () => {
  await using program = await Program.start(["demo"], {
    SERVER_PORT: "0",
    GITHUB_API_URL: "http://127.0.0.1:9",
    GITHUB_TOKEN: "ghp_real",
    GITHUB_APP_ID: "12",
  });
  const [, url = ""] = await program.stdout.find(/(ws:\/\/127\.0\.0\.1:\d+\/ws)$/);
  await using client = await WebSocketClient.connect(url);
  assertEquals(JSON.parse(await client.next()).runs.length, 6);
});
