import { assertEquals } from "@std/assert";
import { Program } from "../fakes/program.ts";
import { RawWebSocket } from "../fakes/clients/raw_websocket.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { withTimeout } from "../fakes/wait.ts";
import { REPOSITORY, SimulatedGitHub } from "./github.ts";

/** The documented time limit of a shutdown. */
const STOP_LIMIT_MS = 5_000;
const GITHUB_DELAY_MS = 60_000;

function toPort(url: string): number {
  return Number(new URL(url).port);
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`runwire serve on ${signal} closes every client with 1001, also one that never answers, and exits with 0`, async () => {
    await using github = new SimulatedGitHub();
    await using program = await Program.start(["serve"], github.environment);
    const url = await program.url();
    await using first = await WebSocketClient.connect(`${url}/ws`);
    await using second = await WebSocketClient.connect(`${url}/ws?view=full`);
    using mute = await RawWebSocket.connect(toPort(url));
    using silent = await Deno.connect({ hostname: "127.0.0.1", port: toPort(url) });
    await Promise.all([first.next(), second.next()]);
    program.kill(signal);
    const closed = await withTimeout(
      Promise.all([first.closed, second.closed]),
      "both to be closed",
    );
    assertEquals(closed.map(({ code }) => code), [1001, 1001]);
    assertEquals(await program.exit(STOP_LIMIT_MS), 0);
    assertEquals((await mute.readUntilClose()).code, 1001);
    // The connection ends or is reset.
    const rest = silent.read(new Uint8Array(1)).catch(() => null);
    assertEquals(await withTimeout(rest, "the end of a connection"), null);
  });
}

Deno.test("runwire serve on SIGTERM stops in time although a client has stopped reading", async () => {
  await using github = new SimulatedGitHub();
  addLargeRuns(github);
  await using program = await Program.start(["serve"], { ...github.environment, POLL_RUNS: "100" });
  const url = await program.url();
  using _stalled = await RawWebSocket.connect(toPort(url));
  await using reader = await WebSocketClient.connect(`${url}/ws`);
  await reader.next();
  await reader.next();
  program.kill("SIGTERM");
  assertEquals((await withTimeout(reader.closed, "the reader to be closed")).code, 1001);
  assertEquals(await program.exit(STOP_LIMIT_MS), 0);
});

Deno.test("runwire serve on SIGTERM stops in time although GitHub does not answer", async () => {
  await using github = new SimulatedGitHub();
  github.simulator.faults.add({ kind: "delay", ms: GITHUB_DELAY_MS });
  await using program = await Program.start(["serve"], github.environment);
  await using client = await WebSocketClient.connect(`${await program.url()}/ws`);
  await withTimeout(github.responseDelayed, "a request to GitHub");
  program.kill("SIGTERM");
  assertEquals((await withTimeout(client.closed, "the client to be closed")).code, 1001);
  assertEquals(await program.exit(STOP_LIMIT_MS), 0);
});

Deno.test("runwire serve stops at once on a second signal, and exits with 1", async () => {
  await using github = new SimulatedGitHub();
  addLargeRuns(github);
  await using program = await Program.start(["serve"], { ...github.environment, POLL_RUNS: "100" });
  const url = await program.url();
  using _stalled = await RawWebSocket.connect(toPort(url));
  await using reader = await WebSocketClient.connect(`${url}/ws`);
  await reader.next();
  await reader.next();
  // Both arrive at once: the client that does not read delays it after the first.
  for (const signal of ["SIGSTOP", "SIGTERM", "SIGINT", "SIGCONT"] as const) program.kill(signal);
  assertEquals(await program.exit(STOP_LIMIT_MS), 1);
});

/** Ten megabytes of them: more than a connection holds for a client that does not read. */
function addLargeRuns(github: SimulatedGitHub): void {
  const display_title = "x".repeat(100_000);
  for (let n = 0; n < 100; n++) github.world.addRun(REPOSITORY, { display_title });
}
