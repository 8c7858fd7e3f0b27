import { assert, assertEquals } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { Program } from "../fakes/program.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil } from "../fakes/wait.ts";
import { SimulatedGitHub, TOKEN } from "./github.ts";

async function fetchHealth(url: string) {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
  return await response.json();
}

Deno.test("runwire serve polls GitHub and reports the remaining rate limit", async () => {
  await using github = new SimulatedGitHub();
  await using program = await Program.start(["serve"], github.environment);
  const url = await program.url();
  await using client = await WebSocketClient.connect(`${url}/ws`);
  const { runs } = JSON.parse(await client.next());
  assertEquals(runs.map((run: { displayTitle: string }) => run.displayTitle), ["Fix the build"]);
  const health = await fetchHealth(url);
  assertEquals([health.status, health.github.state], ["healthy", "polling"]);
  assertEquals([health.github.limit, health.github.remaining], [5_000, 4_998]);
});

Deno.test("runwire serve never writes its token, also while GitHub rejects it", async () => {
  await using github = new SimulatedGitHub();
  await using program = await Program.start(["serve"], {
    ...github.environment,
    LOG_LEVEL: "debug",
  });
  const url = await program.url();
  await using client = await WebSocketClient.connect(`${url}/ws`);
  await client.next();
  github.simulator.credentials.revoke(TOKEN);
  await waitUntil(
    async () => (await fetchHealth(url)).github.state === "unauthorized",
    "the token is rejected",
  );
  program.kill("SIGTERM");
  assertEquals(await program.exit(), 0);
  await program.stderr.find(/Backing off from GitHub/);
  assert(!program.output.includes(TOKEN), "The token is in the output");
  assert(!client.frames.join().includes(TOKEN), "The token was sent to a client");
});

Deno.test("runwire serve authenticates as an App with a PKCS#1 key from GitHub", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
  await using github = new SimulatedGitHub({
    tokens: [],
    app: {
      id: 12,
      publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
      installations: [34],
    },
  });
  await using program = await Program.start(["serve"], {
    ...github.environment,
    GITHUB_APP_ID: "12",
    GITHUB_APP_PRIVATE_KEY: key.replaceAll("\n", "\\n"),
    GITHUB_APP_INSTALLATION_ID: "34",
  });
  await using client = await WebSocketClient.connect(`${await program.url()}/ws`);
  assertEquals(JSON.parse(await client.next()).runs.length, 1);
  const [first] = github.simulator.requests.entries;
  assertEquals([first?.method, first?.path, first?.status], [
    "POST",
    "/app/installations/34/access_tokens",
    201,
  ]);
  assert(!program.output.includes(key.slice(100, 140)), "The key is in the output");
});
