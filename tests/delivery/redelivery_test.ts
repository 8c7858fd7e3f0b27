import { assertEquals, assertRejects } from "@std/assert";
import {
  type DeliveryAttempt,
  type DeliveryAttemptSource,
  type FailedDelivery,
  findUndelivered,
  Redelivery,
} from "../../src/delivery/redelivery.ts";
import { GitHubError, type GitHubFailure } from "../../src/errors.ts";
import { AutoAdvanceClock } from "../simulator/webhooks/webhook_setup.ts";

const never = new AbortController().signal;
const MINUTE_S = 60;
const RATE_LIMITED: GitHubFailure = { kind: "rate_limited", retryAt: 5 };

function attempt(guid: string, at: number, changes: Partial<DeliveryAttempt> = {}) {
  const attempt: DeliveryAttempt = {
    guid,
    id: `${guid} at ${at}`,
    event: "push",
    action: null,
    deliveredAt: at,
    succeeded: false,
    webhook: null,
    ...changes,
  };
  return attempt;
}

/** Failed deliveries, and a GitHub with configurable errors. */
class FakeAttemptSource implements DeliveryAttemptSource {
  readonly requested: string[] = [];
  since = 0;
  failureFor: (guid: string) => GitHubFailure | undefined = () => undefined;

  constructor(readonly guids: readonly string[]) {}

  listFailed(since: number): Promise<readonly FailedDelivery[]> {
    this.since = since;
    return Promise.resolve(this.guids.map((guid, i) => attempt(guid, i)));
  }

  redeliver({ guid }: FailedDelivery): Promise<void> {
    const failure = this.failureFor(guid);
    if (failure) return Promise.reject(new GitHubError(failure, "Failed"));
    this.requested.push(guid);
    return Promise.resolve();
  }
}

function setUp(...guids: string[]) {
  const clock = new AutoAdvanceClock();
  const attempts = new FakeAttemptSource(guids);
  return { clock, attempts, redelivery: new Redelivery({ attempts, clock }) };
}

Deno.test("Redelivery.run() requests each failed delivery of three days once, one per second", async () => {
  const { clock, attempts, redelivery } = setUp("a", "b", "c");
  const received: string[] = [];
  const result = await redelivery.run(never, {
    onProgress: ({ found, requested }) => received.push(`${requested}/${found}`),
  });
  assertEquals(result, { found: 3, requested: 3, remaining: 0 });
  assertEquals(attempts.requested, ["a", "b", "c"]);
  assertEquals(clock.sleeps, [1_000, 1_000]);
  assertEquals(received, ["0/3", "1/3", "2/3", "3/3"]);
  assertEquals(clock.now() - attempts.since, 3 * 24 * 60 * MINUTE_S * 1_000);
});

Deno.test("Redelivery.run() does not repeat a request within five minutes", async () => {
  const { clock, attempts, redelivery } = setUp("a", "b");
  await redelivery.run(never, { limit: 1 });
  assertEquals(await redelivery.run(never), { found: 1, requested: 1, remaining: 0 });
  assertEquals(await redelivery.run(never), { found: 0, requested: 0, remaining: 0 });
  assertEquals(attempts.requested, ["a", "b"]);
  clock.advance(5 * MINUTE_S);
  assertEquals((await redelivery.run(never)).requested, 2);
});

Deno.test("Redelivery.run() respects its limit and reports how many remain", async () => {
  const { attempts, redelivery } = setUp("a", "b", "c");
  assertEquals(await redelivery.run(never, { limit: 2 }), { found: 3, requested: 2, remaining: 1 });
  assertEquals(attempts.requested, ["a", "b"]);
});

for (const failure of [RATE_LIMITED, { kind: "unauthorized" }] satisfies GitHubFailure[]) {
  Deno.test(`Redelivery.run() stops at ${failure.kind}, and the next run continues`, async () => {
    const { attempts, redelivery } = setUp("a", "b", "c");
    attempts.failureFor = (guid) => guid === "b" ? failure : undefined;
    assertEquals(await redelivery.run(never), {
      found: 3,
      requested: 1,
      remaining: 2,
      failure,
    });
    attempts.failureFor = () => undefined;
    assertEquals(await redelivery.run(never), { found: 2, requested: 2, remaining: 0 });
    assertEquals(attempts.requested, ["a", "b", "c"]);
  });
}

Deno.test("Redelivery.run() skips a single failure and stops after three in a row", async () => {
  const { attempts, redelivery } = setUp("a", "b", "c", "d", "e", "f", "g");
  const failed: string[] = [];
  attempts.failureFor = (guid) => {
    if (["b", "c", "d"].includes(guid)) return undefined;
    failed.push(guid);
    return guid === "a" ? { kind: "not_accessible", status: 404 } : { kind: "unavailable" };
  };
  const failure = { kind: "unavailable" } as const;
  assertEquals(await redelivery.run(never), {
    found: 7,
    requested: 3,
    remaining: 4,
    failure,
  });
  assertEquals([attempts.requested, failed], [["b", "c", "d"], ["a", "e", "f", "g"]]);
});

Deno.test("Redelivery.run() throws if the failed deliveries cannot be listed", async () => {
  const { attempts, redelivery } = setUp("a");
  attempts.listFailed = () => Promise.reject(new GitHubError(RATE_LIMITED, "Too much"));
  await assertRejects(() => redelivery.run(never), GitHubError, "Too much");
});

Deno.test("Redelivery.run() ends when its signal aborts", async () => {
  const { attempts, redelivery } = setUp("a", "b");
  const stop = new AbortController();
  const onProgress = ({ requested }: { requested: number }) => requested === 1 && stop.abort();
  await assertRejects(() => redelivery.run(stop.signal, { onProgress }), DOMException);
  assertEquals(attempts.requested, ["a"]);
});

Deno.test("findUndelivered() returns the latest attempt of each failed delivery, oldest first", () => {
  const attempts = [
    attempt("again", 9),
    attempt("late success", 8, { succeeded: true }),
    attempt("later failure", 7),
    attempt("once", 6),
    attempt("later failure", 5, { succeeded: true }),
    attempt("again", 4),
    attempt("late success", 3),
  ];
  for (const order of [attempts, attempts.toReversed()]) {
    assertEquals(findUndelivered(order).map(({ id }) => id), ["once at 6", "again at 9"]);
  }
});
