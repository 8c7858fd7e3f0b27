import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { serve } from "./serve.ts";

Deno.test("Simulator.listen() sets the date from its clock and a request id", async () => {
  await using github = serve();
  github.clock.advance(61);
  const first = await github.request("/user");
  const second = await github.request("/nothing");
  assertEquals(first.headers.get("date"), "Thu, 01 Jan 2026 00:01:01 GMT");
  assertEquals(first.headers.get("content-type"), "application/json; charset=utf-8");
  assertEquals(first.headers.get("x-github-media-type"), "github.v3; format=json");
  assertMatch(first.headers.get("x-github-request-id") ?? "", /^[0-9A-F]+:[0-9A-F]+$/);
  assertNotEquals(
    first.headers.get("x-github-request-id"),
    second.headers.get("x-github-request-id"),
  );
});

Deno.test("Simulator.listen() stops on abort, even with a keep-alive connection", async () => {
  await using github = serve();
  const { hostname, port } = new URL(github.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(
    new TextEncoder().encode(`GET /user HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`),
  );
  const buffer = new Uint8Array(16_384);
  const length = await connection.read(buffer) ?? 0;
  assertMatch(new TextDecoder().decode(buffer.subarray(0, length)), /^HTTP\/1\.1 401 /);
  github.stop();
  await withTimeout(1_000, github.finished);
  assertEquals(await connection.read(buffer), null);
});

Deno.test("Simulator.listen() stops while a response is delayed", async () => {
  await using github = serve();
  github.simulator.faults.add({ kind: "delay", ms: 60_000 });
  const outcome = github.request("/user").then(() => "answered", () => "broken");
  await github.clock.waitForSleeper();
  github.stop();
  await withTimeout(1_000, github.finished);
  assertEquals([await outcome, github.clock.sleeperCount], ["broken", 0]);
});

Deno.test("Simulator.requests logs requests and their status", async () => {
  await using github = serve();
  const etag = (await github.request("/user/repos?sort=pushed")).headers.get("etag") ?? "";
  github.clock.advance(1);
  await github.request("/user/repos?sort=pushed", { headers: { "if-none-match": etag } });
  await github.request("/nothing", { method: "POST" });
  const at = Date.parse("2026-01-01T00:00:00Z");
  const path = "/user/repos?sort=pushed";
  assertEquals(github.simulator.requests.entries, [
    { at, method: "GET", path, status: 200, conditional: false },
    { at: at + 1_000, method: "GET", path, status: 304, conditional: true },
    { at: at + 1_000, method: "POST", path: "/nothing", status: 404, conditional: false },
  ]);
  assertEquals(github.simulator.requests.counts, { requests: 3, notModified: 1, charged: 2 });
  github.simulator.requests.clear();
  assertEquals(github.simulator.requests.entries, []);
  assertEquals(github.simulator.requests.counts, { requests: 0, notModified: 0, charged: 0 });
});

Deno.test("Simulator.requests retains only the latest", async () => {
  await using github = serve({ maxLoggedRequests: 3 });
  for (let i = 0; i < 8; i++) await github.request(`/${i}`);
  assertEquals(github.simulator.requests.entries.map(({ path }) => path), ["/5", "/6", "/7"]);
  assertEquals(github.simulator.requests.counts.requests, 8);
});

Deno.test("Simulator serves the changes of its world over time", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  const timeline = { queued_seconds: 3, running_seconds: 30, conclusion: "success" };
  const { id } = github.world.addRun("octo-org/api", { timeline });
  const status = async () =>
    (await github.request(`/repos/octo-org/api/actions/runs/${id}`)).json.status;
  assertEquals(await status(), "queued");
  github.clock.advance(3);
  assertEquals(await status(), "in_progress");
  github.clock.advance(30);
  assertEquals(await status(), "completed");
});

/** Fails after `ms` of real time. */
async function withTimeout(ms: number, promise: Promise<void>): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  const lateness = new Promise<void>((resolve) =>
    late.signal.addEventListener("abort", () => resolve())
  );
  await Promise.race([promise, lateness]);
  clearTimeout(timer);
  assert(!late.signal.aborted, `Not done within ${ms} ms`);
}
