import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { GitHubError, type GitHubFailure } from "../../src/errors.ts";
import type { PendingWebhook } from "../../src/repository/follow_store.ts";
import { FollowManager } from "../../src/repository/follow_manager.ts";

const MINUTE_MS = 60_000;
const OCTO_A = { id: 1, fullName: "octo/a", pushedAt: null };

function pendingWebhook(repositoryId: number, webhookId: number | null): PendingWebhook {
  const followedAt = webhookId === null ? 5 : null;
  return { repositoryId, fullName: `octo/${repositoryId}`, followedAt, webhookId };
}

/** What was done, in its order; what refuses, by what was to be done. */
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
    const refusal = test.failures.get(what);
    if (refusal) return Promise.reject(new GitHubError(refusal, `No ${what}`));
    return Promise.resolve();
  };
  const followManager = new FollowManager({
    clock: systemClock,
    store: {
      follow: async () => (await act("keep"), test.isFollowed ? undefined : []),
      unfollow: async (
        id,
      ) => (await act("leave"), test.isFollowed ? pendingWebhook(id, 9) : undefined),
      listFollowed: () => Promise.resolve([]),
      recordPoll: () => Promise.resolve(),
      listPendingWebhooks: async (
        { includeFailed: isRetry },
      ) => (await act(`look ${isRetry}`), test.pending),
      saveWebhook: (id, state) => act(`keep hook of ${id}: ${state?.state}`),
      findName: (id) => Promise.resolve(test.known.get(id)),
      purge: async () => (await act("purge"), 3),
    },
    repositories: { findByName: async () => (await act("name"), OCTO_A) },
    workflows: { listWorkflows: async () => (await act("workflows"), []) },
    webhooks: {
      ensure: async (name) => (await act(`hook ${name}`), { state: "active", id: 9 }),
      remove: (name, id) => act(`remove hook ${id} of ${name}`),
    },
    fetchLatestRuns: () => act("runs"),
    backfills: { start: (_id, days) => act(`past ${days}`), stop: () => act("no past") },
    onEvents: () => test.done.push("tell"),
    onChange: () => test.done.push("wake"),
    signal: new AbortController().signal,
  });
  return { test, following: followManager };
}

Deno.test("Following.follow() keeps what it has seen, and creates the webhook last", async () => {
  const { test, following: followManager } = setUp();
  await followManager.follow("octo/a", { backfillDays: 7 });
  const seen = ["name", "workflows", "runs"];
  const kept = ["keep", "tell", "wake", "past 7", "hook octo/a", "keep hook of 1: active"];
  assertEquals(test.done, [...seen, ...kept]);
});

Deno.test("Following.follow() answers what may not be read as what is not there", async () => {
  const { test, following: followManager } = setUp();
  const follow = (mayRead?: () => Promise<boolean>) =>
    followManager.follow("octo/a", { canRead: mayRead });
  const hidden = await assertRejects(() => follow(() => Promise.resolve(false)), GitHubError);
  test.failures.set("name", { kind: "not_accessible", status: 451 });
  const kept = await assertRejects(() => follow(() => Promise.resolve(true)), GitHubError);
  test.failures.set("name", { kind: "not_accessible", status: 404 });
  const none = await assertRejects(() => follow(() => Promise.resolve(true)), GitHubError);
  assertEquals([hidden.message, hidden.failure], [none.message, none.failure]);
  assertEquals([kept.message, kept.failure], [none.message, none.failure]);
  assertEquals(none.failure, { kind: "not_accessible", status: 404 });
  assertEquals(test.done, ["name", "name", "name"]);
});

Deno.test("Following.follow() holds nobody else back when a user may not be asked for", async () => {
  const { test, following: followManager } = setUp();
  const limited = new GitHubError({ kind: "rate_limited" }, "Too many of yours");
  const mayRead = () => Promise.reject(limited);
  await assertRejects(
    () => followManager.follow("octo/a", { canRead: mayRead }),
    GitHubError,
    "of yours",
  );
  assertEquals(test.done, ["name"]);
});

Deno.test("Following.follow() does nothing more for one that is followed", async () => {
  const { test, following: followManager } = setUp();
  test.isFollowed = true;
  const { webhook } = await followManager.follow("octo/a", { backfillDays: 7 });
  assertEquals([webhook, test.done.at(-1)], [undefined, "keep"]);
});

Deno.test("Following.follow() keeps nothing that it may not see, and hands on what concerns all", async () => {
  const { test, following: followManager } = setUp();
  for (const kind of ["rate_limited", "unauthorized", "unavailable"] as const) {
    test.failures.set("runs", { kind });
    await assertRejects(() => followManager.follow("octo/a"), GitHubError, "No runs");
  }
  assertEquals(test.done.includes("keep"), false);
});

Deno.test("Following.follow() follows without a webhook that is limited, which concerns all", async () => {
  const { test, following: followManager } = setUp();
  test.failures.set("hook octo/a", { kind: "rate_limited" });
  const { webhook } = await followManager.follow("octo/a");
  assertEquals(webhook, { state: "none", reason: "It is created later: No hook octo/a" });
  assertEquals(test.done.at(-1), "hook octo/a");
});

Deno.test("Following.unfollow() ends all that is under way, and purges at the end", async () => {
  const { test, following: followManager } = setUp();
  test.isFollowed = true;
  const left = await followManager.unfollow(1, { purge: true, visibility: "all" });
  assertEquals(left, { runsPurged: 3, webhookError: undefined });
  const removed = ["remove hook 9 of octo/1", "keep hook of 1: undefined"];
  assertEquals(test.done, ["leave", "wake", "no past", ...removed, "purge"]);
});

Deno.test("Following.unfollow() touches nothing that is unknown, or may not be seen", async () => {
  const { test, following: followManager } = setUp();
  test.isFollowed = true;
  const visibility = new Set(["octo/b"]);
  assertEquals(await followManager.unfollow(1, { purge: true, visibility }), undefined);
  assertEquals(await followManager.unfollow(2, { purge: true, visibility: "all" }), undefined);
  assertEquals(test.done, []);
  const left = await followManager.unfollow(1, { purge: true, visibility: new Set(["octo/a"]) });
  assertEquals(left?.runsPurged, 3);
});

Deno.test("Following.run() settles webhooks at the start and every ten minutes, a second apart", async () => {
  using time = new FakeTime(0);
  const { test, following: followManager } = setUp();
  test.pending = [pendingWebhook(1, null), pendingWebhook(2, 8)];
  const stop = new AbortController();
  const running = followManager.run(stop.signal);
  await time.tickAsync(0);
  assertEquals(test.done, ["look true", "hook octo/1", "keep hook of 1: active"]);
  await time.tickAsync(1_000);
  assertEquals(test.done.slice(3), ["remove hook 8 of octo/2", "keep hook of 2: undefined"]);
  test.pending = [];
  await time.tickAsync(10 * MINUTE_MS + 1_000);
  assertEquals(test.done.slice(5), ["look false"]);
  stop.abort();
  await running;
});

Deno.test("Following.round() ends when GitHub is to be left alone, or limits us", async () => {
  const { test, following: followManager } = setUp();
  test.pending = [pendingWebhook(1, null), pendingWebhook(2, null)];
  test.failures.set("hook octo/1", { kind: "rate_limited" });
  await followManager.reconcileWebhooks({ includeFailed: false });
  assertEquals(test.done, ["look false", "hook octo/1"]);
  test.pending = [pendingWebhook(3, 7), pendingWebhook(4, 8)];
  test.failures.set("remove hook 7 of octo/3", { kind: "unauthorized" });
  await followManager.reconcileWebhooks({ includeFailed: false });
  assertEquals(test.done.slice(2), ["look false", "remove hook 7 of octo/3"]);
});
