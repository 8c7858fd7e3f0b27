import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import { GitHubError, StorageError } from "../../../src/errors.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import type { FollowedRepository } from "../../../src/repository/follow_store.ts";
import { RepositoryPoller } from "../../../src/run/polling/repository_poller.ts";
import type { GitHubRateLimit } from "../../../src/run/github_rate_limit.ts";
import { aRun, FakeGitHub } from "../../fakes/stores/github.ts";
import { MemoryRunStore } from "../../fakes/stores/memory_stores.ts";

const START = "2026-01-01T00:00:00Z";
const NOW = Date.parse(START);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

function aFollowedRepository(
  name: string,
  fields: Partial<FollowedRepository> = {},
): FollowedRepository {
  return {
    id: name.charCodeAt(0),
    fullName: `octo/${name}`,
    pushedAt: null,
    polledAt: null,
    hasWebhook: false,
    error: null,
    ...fields,
  };
}

/** A poller with a fake GitHub, from START. `await using` stops it. */
class Test {
  readonly time = new FakeTime(START);
  readonly github = new FakeGitHub();
  readonly store = new MemoryRunStore();
  readonly events: StoredEvent[] = [];
  readonly poller: RepositoryPoller;
  repositories: FollowedRepository[] = [];
  polls: { readonly id: number; readonly at: number; readonly error: string | null }[] = [];
  storageError: StorageError | undefined;
  /** Before the first request: each request takes a point. */
  rateLimit: GitHubRateLimit | undefined;
  refreshes = 0;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor({ webhooksEnabled = false } = {}) {
    this.poller = new RepositoryPoller({
      clock: systemClock,
      random: () => 0,
      followStore: {
        listFollowed: () => {
          this.refreshes++;
          if (this.storageError) return Promise.reject(this.storageError);
          return Promise.resolve(this.repositories);
        },
        recordPoll: (id, state) => {
          this.polls.push({ id, ...state });
          this.repositories = this.repositories.map((each) =>
            each.id === id ? { ...each, polledAt: state.at, error: state.error } : each
          );
          return Promise.resolve();
        },
      },
      runs: this.github,
      store: this.store,
      rateLimit: () => {
        const spent = this.github.requests.length;
        return this.rateLimit && { ...this.rateLimit, remaining: this.rateLimit.remaining - spent };
      },
      reservedPoints: () => 0,
      webhooksEnabled,
      onEvents: (events) => this.events.push(...events),
    });
  }

  /** Runs it for `ms`; returns the names of the polled repositories. */
  async pass(ms: number): Promise<string[]> {
    const before = this.github.requests.length;
    this.#running ??= this.poller.run(this.#stop.signal);
    await this.time.tickAsync(ms);
    return this.github.endpoints.slice(before).map((endpoint) =>
      endpoint.replace("runs octo/", "")
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.time.restore();
  }
}

Deno.test("RepositoryPoller polls every followed repository, and emits new runs", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a"), aFollowedRepository("b")];
  test.github.runs = [aRun(), aRun({ id: 2, repository: "octo/other" })];
  assertEquals(await test.pass(SECOND), ["a", "b"]);
  assertEquals(test.events.map(({ repository }) => repository), ["octo/a"]);
  assertEquals(test.poller.size, 2);
});

Deno.test("RepositoryPoller polls an active repository every 20 s, a quiet one every 15 min", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a"), aFollowedRepository("b")];
  test.github.runs = [aRun({ status: "in_progress", updatedAt: START })];
  await test.pass(SECOND);
  assertEquals(await test.pass(2 * MINUTE), ["a", "a", "a", "a", "a", "a"]);
  const hour = await test.pass(HOUR);
  assertEquals(hour.filter((name) => name === "b").length, 4);
});

Deno.test("RepositoryPoller treats a push as activity", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a")];
  await test.pass(15 * MINUTE + SECOND);
  test.repositories = [
    aFollowedRepository("a", { pushedAt: new Date(NOW + 15 * MINUTE).toISOString() }),
  ];
  const requests = await test.pass(2 * MINUTE);
  assert(requests.length >= 4, `${requests.length} requests`);
});

Deno.test("RepositoryPoller polls a repository as soon as it is woken, until it is unfollowed", async () => {
  await using test = new Test();
  assertEquals(await test.pass(MINUTE), []);
  test.repositories = [aFollowedRepository("a", { polledAt: NOW + MINUTE })];
  test.poller.wake();
  assertEquals(await test.pass(0), ["a"]);
  test.repositories = [];
  test.poller.wake();
  assertEquals(await test.pass(HOUR), []);
  assertEquals(test.poller.size, 0);
});

Deno.test("RepositoryPoller polls a repository that another instance follows", async () => {
  await using test = new Test();
  await test.pass(SECOND);
  test.repositories = [aFollowedRepository("a")];
  assertEquals(await test.pass(30 * SECOND), ["a"]);
});

Deno.test("RepositoryPoller reloads the followed repositories every 30 s, however many requests it sends", async () => {
  await using test = new Test();
  test.repositories = ["a", "b", "c", "d"].map((name) =>
    aFollowedRepository(name, { pushedAt: START })
  );
  assertEquals((await test.pass(2 * MINUTE + SECOND)).length, 28);
  assertEquals(test.refreshes, 5);
});

Deno.test("RepositoryPoller fetches more runs if all runs of the first request are new", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a")];
  test.github.runs = Array.from({ length: 50 }, (_, index) => aRun({ id: index + 1 }));
  assertEquals(await test.pass(SECOND), ["a", "a"]);
  assertEquals((await test.store.latest("octo/a", 100)).length, 50);
});

Deno.test("RepositoryPoller spreads its requests over the remaining quota", async () => {
  await using test = new Test();
  test.repositories = ["a", "b", "c", "d"].map((name) =>
    aFollowedRepository(name, { pushedAt: START })
  );
  // 60 points above the reserved tenth in an hour: one per minute.
  test.rateLimit = { limit: 5_000, remaining: 560, resetAt: NOW + HOUR };
  assertEquals(await test.pass(MINUTE - SECOND), ["a"]);
  const requests = await test.pass(3 * MINUTE);
  assertEquals(requests.length, 3);
  assertEquals(requests.toSorted(), ["b", "c", "d"]);
});

Deno.test("RepositoryPoller sends no requests below a tenth of the quota until the reset", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a")];
  test.rateLimit = { limit: 5_000, remaining: 500, resetAt: NOW + HOUR };
  assertEquals(await test.pass(HOUR - SECOND), []);
  assertEquals(await test.pass(MINUTE), ["a"]);
});

Deno.test("RepositoryPoller sends no requests while GitHub is rate limited", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a")];
  test.github.isBackground = true;
  const failure = { kind: "rate_limited", retryAt: NOW + HOUR } as const;
  test.github.gate.onFailure(new GitHubError(failure, "GitHub answered 429"));
  assertEquals(await test.pass(HOUR - SECOND), []);
  assertEquals(await test.pass(2 * SECOND), ["a"]);
});

for (const status of [403, 404, 451]) {
  Deno.test(`RepositoryPoller stores why a repository is not accessible (${status}), and polls it once an hour`, async () => {
    await using test = new Test();
    test.repositories = [aFollowedRepository("a"), aFollowedRepository("b")];
    test.github.failures.set("runs octo/a", { kind: "not_accessible", status });
    assertEquals(await test.pass(SECOND), ["a", "b"]);
    assertEquals(test.polls.map(({ error }) => error), ["GitHub refused runs octo/a", null]);
    const hour = await test.pass(HOUR + MINUTE);
    assertEquals(hour.filter((name) => name === "a").length, 1);
    test.github.failures.clear();
    await test.pass(HOUR + MINUTE);
    assertEquals(test.repositories[0]?.error, null);
    assertEquals(test.github.gate.backoff, undefined);
  });
}

for (const kind of ["rate_limited", "unauthorized"] as const) {
  Deno.test(`RepositoryPoller waits until GitHub accepts requests again (${kind})`, async () => {
    await using test = new Test();
    test.github.isBackground = true;
    test.repositories = [aFollowedRepository("a"), aFollowedRepository("b")];
    test.github.failures.set("runs", { kind });
    assertEquals(await test.pass(MINUTE - SECOND), ["a"]);
    assertEquals(test.github.gate.backoff, { until: NOW + MINUTE, reason: kind });
    test.github.failures.clear();
    assertEquals(await test.pass(2 * SECOND), ["b"]);
  });
}

Deno.test("RepositoryPoller backs off while GitHub is unavailable, and polls other repositories first", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a"), aFollowedRepository("b")];
  test.github.failures.set("runs octo/a", { kind: "unavailable" });
  assertEquals(await test.pass(2 * SECOND), ["a", "b"]);
  test.github.failures.set("runs", { kind: "unavailable" });
  test.repositories = ["c", "d", "e", "f", "g"].map((name) => aFollowedRepository(name));
  test.poller.wake();
  // After 0, 1, 3 and 7 s.
  assertEquals(await test.pass(8 * SECOND), ["c", "d", "e", "f"]);
  assertEquals(test.github.gate.backoff, undefined);
});

Deno.test("RepositoryPoller continues after a storage failure", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a")];
  test.storageError = new StorageError("unavailable", "Gone");
  assertEquals(await test.pass(MINUTE), []);
  test.storageError = undefined;
  assertEquals(await test.pass(2 * MINUTE), ["a"]);
});

Deno.test("RepositoryPoller polls a repository with a webhook less often", async () => {
  await using test = new Test({ webhooksEnabled: true });
  test.repositories = [aFollowedRepository("a", { hasWebhook: true, pushedAt: START })];
  assertEquals(await test.pass(SECOND), ["a"]);
  assertEquals(await test.pass(4 * MINUTE), []);
  assertEquals(await test.pass(2 * MINUTE), ["a"]);
});

Deno.test("RepositoryPoller trusts an unknown webhook once it has reported the latest run", async () => {
  await using test = new Test({ webhooksEnabled: true });
  test.repositories = [aFollowedRepository("a")];
  const run = aRun({ status: "completed", source: "webhook" });
  await test.store.put([run]);
  test.github.runs = [{ ...run, source: "poll" }];
  assertEquals(await test.pass(SECOND), ["a"]);
  assertEquals(await test.pass(4 * MINUTE), []);
});

Deno.test("RepositoryPoller ignores a webhook for an hour after it missed a run", async () => {
  await using test = new Test({ webhooksEnabled: true });
  test.repositories = [aFollowedRepository("a", { hasWebhook: true, pushedAt: START })];
  await test.pass(SECOND);
  test.github.runs = [aRun({ status: "completed", updatedAt: "2026-01-01T00:01:00Z" })];
  assertEquals(await test.pass(5 * MINUTE), ["a"]);
  const requests = await test.pass(5 * MINUTE);
  assert(requests.length >= 4, `${requests.length} requests`);
  await test.pass(2 * HOUR);
  assertEquals((await test.pass(HOUR)).length, 2);
});

Deno.test("RepositoryPoller does not blame a webhook for runs before the start", async () => {
  await using test = new Test({ webhooksEnabled: true });
  test.repositories = [aFollowedRepository("a", { hasWebhook: true, pushedAt: START })];
  test.github.runs = [aRun({ status: "completed", updatedAt: "2025-12-31T23:00:00Z" })];
  assertEquals(await test.pass(4 * MINUTE), ["a"]);
});

Deno.test("RepositoryPoller does not wait longer when the system clock is set back", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a")];
  await test.pass(MINUTE);
  test.time.setNow(NOW - 24 * HOUR);
  assertEquals(await test.pass(MINUTE), ["a"]);
});

Deno.test("RepositoryPoller stores the time of its polls once a minute", async () => {
  await using test = new Test();
  test.repositories = [aFollowedRepository("a", { pushedAt: START })];
  await test.pass(3 * MINUTE + SECOND);
  assertEquals(test.polls.map(({ at }) => (at - NOW) / SECOND), [0, 60, 120, 180]);
});
