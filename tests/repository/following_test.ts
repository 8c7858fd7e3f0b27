import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { type Refusal, RefusedError } from "../../src/errors.ts";
import type { UnsettledHook } from "../../src/repository/follow.ts";
import { Following } from "../../src/repository/following.ts";

const MINUTE_MS = 60_000;
const OCTO_A = { id: 1, fullName: "octo/a", pushedAt: null };

function hook(repositoryId: number, hookId: number | null): UnsettledHook {
  const followedAt = hookId === null ? 5 : null;
  return { repositoryId, fullName: `octo/${repositoryId}`, followedAt, hookId };
}

/** What was done, in its order; what refuses, by what was to be done. */
function setUp() {
  const test = {
    done: [] as string[],
    refusals: new Map<string, Refusal>(),
    refused: [] as string[],
    unsettled: [] as UnsettledHook[],
    known: new Map([[1, "Octo/a"]]),
    isFollowed: false,
    mayAsk: true,
  };
  const act = (what: string) => {
    test.done.push(what);
    const refusal = test.refusals.get(what);
    if (refusal) return Promise.reject(new RefusedError(refusal, `No ${what}`));
    return Promise.resolve();
  };
  const following = new Following({
    clock: systemClock,
    store: {
      follow: async () => (await act("keep"), test.isFollowed ? undefined : []),
      unfollow: async (id) => (await act("leave"), test.isFollowed ? hook(id, 9) : undefined),
      followed: () => Promise.resolve([]),
      polled: () => Promise.resolve(),
      unsettledHooks: async ({ isRetry }) => (await act(`look ${isRetry}`), test.unsettled),
      keepHook: (id, state) => act(`keep hook of ${id}: ${state?.state}`),
      nameOf: (id) => Promise.resolve(test.known.get(id)),
      purge: async () => (await act("purge"), 3),
    },
    repositories: { byName: async () => (await act("name"), OCTO_A) },
    workflows: { of: async () => (await act("workflows"), []) },
    webhooks: {
      ensure: async (name) => (await act(`hook ${name}`), { state: "active", id: 9 }),
      remove: (name, id) => act(`remove hook ${id} of ${name}`),
    },
    lookAtRuns: () => act("runs"),
    backfills: { start: (_id, days) => act(`past ${days}`), stop: () => act("no past") },
    mayAsk: () => test.mayAsk,
    onEvents: () => test.done.push("tell"),
    onChange: () => test.done.push("wake"),
    onRefused: ({ refusal }) => test.refused.push(refusal.kind),
  });
  return { test, following };
}

Deno.test("Following.follow() keeps what it has seen, and creates the webhook last", async () => {
  const { test, following } = setUp();
  await following.follow("octo/a", { backfillDays: 7 });
  const seen = ["name", "workflows", "runs"];
  const kept = ["keep", "tell", "wake", "past 7", "hook octo/a", "keep hook of 1: active"];
  assertEquals(test.done, [...seen, ...kept]);
});

Deno.test("Following.follow() answers what may not be read as what is not there", async () => {
  const { test, following } = setUp();
  const follow = (mayRead?: () => Promise<boolean>) => following.follow("octo/a", { mayRead });
  const hidden = await assertRejects(() => follow(() => Promise.resolve(false)), RefusedError);
  test.refusals.set("name", { kind: "missing", status: 451 });
  const kept = await assertRejects(() => follow(() => Promise.resolve(true)), RefusedError);
  test.refusals.set("name", { kind: "missing", status: 404 });
  const none = await assertRejects(() => follow(() => Promise.resolve(true)), RefusedError);
  assertEquals([hidden.message, hidden.refusal], [none.message, none.refusal]);
  assertEquals([kept.message, kept.refusal], [none.message, none.refusal]);
  assertEquals(none.refusal, { kind: "missing", status: 404 });
  assertEquals(test.done, ["name", "name", "name"]);
});

Deno.test("Following.follow() holds nobody else back when a user may not be asked for", async () => {
  const { test, following } = setUp();
  const limited = new RefusedError({ kind: "limited" }, "Too many of yours");
  const mayRead = () => Promise.reject(limited);
  await assertRejects(() => following.follow("octo/a", { mayRead }), RefusedError, "of yours");
  assertEquals([test.done, test.refused], [["name"], []]);
});

Deno.test("Following.follow() does nothing more for one that is followed", async () => {
  const { test, following } = setUp();
  test.isFollowed = true;
  const { webhook } = await following.follow("octo/a", { backfillDays: 7 });
  assertEquals([webhook, test.done.at(-1)], [undefined, "keep"]);
});

Deno.test("Following.follow() keeps nothing that it may not see, and hands on what concerns all", async () => {
  const { test, following } = setUp();
  for (const kind of ["limited", "unauthorized", "unavailable"] as const) {
    test.refusals.set("runs", { kind });
    await assertRejects(() => following.follow("octo/a"), RefusedError, "No runs");
  }
  assertEquals(test.done.includes("keep"), false);
  assertEquals(test.refused, ["limited", "unauthorized"]);
});

Deno.test("Following.follow() follows without a webhook that is limited, which concerns all", async () => {
  const { test, following } = setUp();
  test.refusals.set("hook octo/a", { kind: "limited" });
  const { webhook } = await following.follow("octo/a");
  assertEquals(webhook, { state: "absent", reason: "It is created later: No hook octo/a" });
  assertEquals(test.refused, ["limited"]);
  assertEquals(test.done.at(-1), "hook octo/a");
});

Deno.test("Following.unfollow() ends all that is under way, and purges at the end", async () => {
  const { test, following } = setUp();
  test.isFollowed = true;
  const left = await following.unfollow(1, { purge: true, visible: "all" });
  assertEquals(left, { runsPurged: 3, hookLeft: undefined });
  const removed = ["remove hook 9 of octo/1", "keep hook of 1: undefined"];
  assertEquals(test.done, ["leave", "wake", "no past", ...removed, "purge"]);
});

Deno.test("Following.unfollow() touches nothing that is unknown, or may not be seen", async () => {
  const { test, following } = setUp();
  test.isFollowed = true;
  const visible = new Set(["octo/b"]);
  assertEquals(await following.unfollow(1, { purge: true, visible }), undefined);
  assertEquals(await following.unfollow(2, { purge: true, visible: "all" }), undefined);
  assertEquals(test.done, []);
  const left = await following.unfollow(1, { purge: true, visible: new Set(["octo/a"]) });
  assertEquals(left?.runsPurged, 3);
});

Deno.test("Following.run() settles webhooks at the start and every ten minutes, a second apart", async () => {
  using time = new FakeTime(0);
  const { test, following } = setUp();
  test.unsettled = [hook(1, null), hook(2, 8)];
  const stop = new AbortController();
  const running = following.run(stop.signal);
  await time.tickAsync(0);
  assertEquals(test.done, ["look true", "hook octo/1", "keep hook of 1: active"]);
  await time.tickAsync(1_000);
  assertEquals(test.done.slice(3), ["remove hook 8 of octo/2", "keep hook of 2: undefined"]);
  test.unsettled = [];
  await time.tickAsync(10 * MINUTE_MS + 1_000);
  assertEquals(test.done.slice(5), ["look false"]);
  stop.abort();
  await running;
});

Deno.test("Following.round() ends when GitHub is to be left alone, or limits us", async () => {
  const { test, following } = setUp();
  test.unsettled = [hook(1, null), hook(2, null)];
  test.mayAsk = false;
  await following.round({ isRetry: false });
  assertEquals(test.done, ["look false"]);
  test.mayAsk = true;
  test.refusals.set("hook octo/1", { kind: "limited" });
  await following.round({ isRetry: false });
  assertEquals(test.done.slice(1), ["look false", "hook octo/1"]);
  assertEquals(test.refused, ["limited"]);
});
