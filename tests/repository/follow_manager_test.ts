import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { GitHubError, type GitHubFailure } from "../../src/errors.ts";
import type { PendingWebhook } from "../../src/repository/follow_store.ts";
import { FollowManager } from "../../src/repository/follow_manager.ts";
import type { Webhooks } from "../../src/repository/webhook.ts";

const MINUTE_MS = 60_000;
const OCTO_A = { id: 1, fullName: "octo/a", pushedAt: null };

function pendingWebhook(repositoryId: number, webhookId: number | null): PendingWebhook {
  const followedAt = webhookId === null ? 5 : null;
  return { repositoryId, fullName: `octo/${repositoryId}`, followedAt, webhookId };
}

/** Records the calls in order. `failures` holds the failures by call. */
function setUp() {
  const test = {
    done: [] as string[],
    failures: new Map<string, GitHubFailure>(),
    pending: [] as PendingWebhook[],
    known: new Map([[1, "Octo/a"]]),
    isFollowed: false,
  };
  const act = (what: string) => {
    test.done.push(what);
    const failure = test.failures.get(what);
    if (failure) return Promise.reject(new GitHubError(failure, `No ${what}`));
    return Promise.resolve();
  };
  const createWebhooks = (prefix: string): Webhooks => ({
    ensure: async (name) => (await act(`${prefix}hook ${name}`), { state: "active", id: 9 }),
    remove: (name, id) => act(`${prefix}remove hook ${id} of ${name}`),
  });
  const followManager = new FollowManager({
    clock: systemClock,
    store: {
      follow: async () => (await act("store"), test.isFollowed ? undefined : []),
      unfollow: async (
        id,
      ) => (await act("leave"), test.isFollowed ? pendingWebhook(id, 9) : undefined),
      listFollowed: () => Promise.resolve([]),
      recordPoll: () => Promise.resolve(),
      listPendingWebhooks: async (
        { includeFailed },
      ) => (await act(`list ${includeFailed}`), test.pending),
      saveWebhook: (id, state) => act(`store hook of ${id}: ${state?.state}`),
      findName: (id) => Promise.resolve(test.known.get(id)),
      purge: async () => (await act("purge"), 3),
    },
    repositories: { findByName: async () => (await act("name"), OCTO_A) },
    workflows: { listWorkflows: async () => (await act("workflows"), []) },
    webhooks: createWebhooks(""),
    backgroundWebhooks: createWebhooks("background: "),
    fetchLatestRuns: () => act("runs"),
    backfills: { start: (_id, days) => act(`past ${days}`), stop: () => act("no past") },
    onEvents: () => test.done.push("emit"),
    onChange: () => test.done.push("wake"),
    signal: new AbortController().signal,
  });
  return { test, followManager };
}

Deno.test("FollowManager.follow() stores the fetched data, then creates the webhook", async () => {
  const { test, followManager } = setUp();
  await followManager.follow("octo/a", { backfillDays: 7 });
  const fetched = ["name", "workflows", "runs"];
  const stored = ["store", "emit", "wake", "past 7", "hook octo/a", "store hook of 1: active"];
  assertEquals(test.done, [...fetched, ...stored]);
});

Deno.test("FollowManager.follow() fails the same for unreadable and missing repositories", async () => {
  const { test, followManager } = setUp();
  const follow = (canRead?: () => Promise<boolean>) => followManager.follow("octo/a", { canRead });
  const hidden = await assertRejects(() => follow(() => Promise.resolve(false)), GitHubError);
  test.failures.set("name", { kind: "not_accessible", status: 451 });
  const stored = await assertRejects(() => follow(() => Promise.resolve(true)), GitHubError);
  test.failures.set("name", { kind: "not_accessible", status: 404 });
  const none = await assertRejects(() => follow(() => Promise.resolve(true)), GitHubError);
  assertEquals([hidden.message, hidden.failure], [none.message, none.failure]);
  assertEquals([stored.message, stored.failure], [none.message, none.failure]);
  assertEquals(none.failure, { kind: "not_accessible", status: 404 });
  assertEquals(test.done, ["name", "name", "name"]);
});

Deno.test("FollowManager.follow() throws the rate limit of the user's own token, and stores nothing", async () => {
  const { test, followManager } = setUp();
  const limited = new GitHubError({ kind: "rate_limited" }, "Too many of yours");
  const canRead = () => Promise.reject(limited);
  await assertRejects(
    () => followManager.follow("octo/a", { canRead }),
    GitHubError,
    "of yours",
  );
  assertEquals(test.done, ["name"]);
});

Deno.test("FollowManager.follow() does nothing for a followed repository", async () => {
  const { test, followManager } = setUp();
  test.isFollowed = true;
  const { webhook } = await followManager.follow("octo/a", { backfillDays: 7 });
  assertEquals([webhook, test.done.at(-1)], [undefined, "store"]);
});

Deno.test("FollowManager.follow() throws errors of GitHub, and stores nothing", async () => {
  const { test, followManager } = setUp();
  for (const kind of ["rate_limited", "unauthorized", "unavailable"] as const) {
    test.failures.set("runs", { kind });
    await assertRejects(() => followManager.follow("octo/a"), GitHubError, "No runs");
  }
  assertEquals(test.done.includes("store"), false);
});

Deno.test("FollowManager.follow() succeeds without a webhook at a rate limit, and reports it", async () => {
  const { test, followManager } = setUp();
  test.failures.set("hook octo/a", { kind: "rate_limited" });
  const { webhook } = await followManager.follow("octo/a");
  assertEquals(webhook, { state: "none", reason: "Created later: No hook octo/a" });
  assertEquals(test.done.at(-1), "hook octo/a");
});

Deno.test("FollowManager.unfollow() stops the backfill, removes the webhook, then purges", async () => {
  const { test, followManager } = setUp();
  test.isFollowed = true;
  const left = await followManager.unfollow(1, { purge: true, visibility: "all" });
  assertEquals(left, { runsPurged: 3, webhookError: undefined });
  const removed = ["remove hook 9 of octo/1", "store hook of 1: undefined"];
  assertEquals(test.done, ["leave", "wake", "no past", ...removed, "purge"]);
});

Deno.test("FollowManager.unfollow() ignores unknown and hidden repositories", async () => {
  const { test, followManager } = setUp();
  test.isFollowed = true;
  const visibility = new Set(["octo/b"]);
  assertEquals(await followManager.unfollow(1, { purge: true, visibility }), undefined);
  assertEquals(await followManager.unfollow(2, { purge: true, visibility: "all" }), undefined);
  assertEquals(test.done, []);
  const left = await followManager.unfollow(1, { purge: true, visibility: new Set(["octo/a"]) });
  assertEquals(left?.runsPurged, 3);
});

Deno.test("FollowManager.run() reconciles webhooks at start and every ten minutes, one per second", async () => {
  using time = new FakeTime(0);
  const { test, followManager } = setUp();
  test.pending = [pendingWebhook(1, null), pendingWebhook(2, 8)];
  const stop = new AbortController();
  const running = followManager.run(stop.signal);
  await time.tickAsync(0);
  assertEquals(test.done, ["list true", "background: hook octo/1", "store hook of 1: active"]);
  await time.tickAsync(1_000);
  assertEquals(test.done.slice(3), [
    "background: remove hook 8 of octo/2",
    "store hook of 2: undefined",
  ]);
  test.pending = [];
  await time.tickAsync(10 * MINUTE_MS + 1_000);
  assertEquals(test.done.slice(5), ["list false"]);
  stop.abort();
  await running;
});

Deno.test("FollowManager.reconcileWebhooks() ends at a rate limit", async () => {
  const { test, followManager } = setUp();
  test.pending = [pendingWebhook(1, null), pendingWebhook(2, null)];
  test.failures.set("background: hook octo/1", { kind: "rate_limited" });
  await followManager.reconcileWebhooks({ includeFailed: false });
  assertEquals(test.done, ["list false", "background: hook octo/1"]);
  test.pending = [pendingWebhook(3, 7), pendingWebhook(4, 8)];
  test.failures.set("background: remove hook 7 of octo/3", { kind: "unauthorized" });
  await followManager.reconcileWebhooks({ includeFailed: false });
  assertEquals(test.done.slice(2), ["list false", "background: remove hook 7 of octo/3"]);
});
