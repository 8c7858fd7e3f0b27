import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import type { DeliverySummary } from "../../src/delivery/delivery.ts";
import { RedeliveryOnStart } from "../../src/delivery/redelivery_on_start.ts";
import { GitHubError } from "../../src/errors.ts";
import { CapturedLog } from "../fakes/log.ts";

const NOW = Date.parse("2026-01-01T00:10:00Z");

function received(at: number): DeliverySummary {
  return {
    id: "1",
    event: "push",
    action: null,
    state: "done",
    receivedAt: at,
    failures: 0,
    error: null,
  };
}

/** Runs once. Resolves to the repositories whose deliveries were checked, if any. */
async function start(
  latest: DeliverySummary[],
  sweep = () => Promise.resolve({ found: 2, requested: 1, remaining: 1 }),
): Promise<readonly string[] | undefined> {
  let requestedRepositories: readonly string[] | undefined;
  const onStart = new RedeliveryOnStart({
    clock: systemClock,
    deliveries: { list: () => Promise.resolve(latest) },
    repositories: {
      listRecentlyPushed: () => Promise.resolve([{ id: 1, fullName: "octo/a", pushedAt: null }]),
    },
    createRedelivery: (repositories) => {
      requestedRepositories = repositories;
      return { run: sweep };
    },
  });
  await onStart.run(new AbortController().signal);
  return requestedRepositories;
}

Deno.test("RedeliveryOnStart runs if no delivery has arrived for a minute, or ever", async () => {
  using _time = new FakeTime(NOW);
  await using log = await new CapturedLog().start();
  assertEquals(await start([]), ["octo/a"]);
  assertEquals(await start([received(NOW - 60_000)]), ["octo/a"]);
  assertEquals(log.lines.length, 2);
});

Deno.test("RedeliveryOnStart does nothing after a shorter downtime", async () => {
  using _time = new FakeTime(NOW);
  assertEquals(await start([received(NOW - 59_999)]), undefined);
});

Deno.test("RedeliveryOnStart logs an error of GitHub and continues", async () => {
  using _time = new FakeTime(NOW);
  await using log = await new CapturedLog().start();
  const reject = () => Promise.reject(new GitHubError({ kind: "unauthorized" }, "No such right"));
  await start([], reject);
  assertStringIncludes(log.lines.join(), "No such right");
});
