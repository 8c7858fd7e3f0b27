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

/** Deliveries that failed and keep failing, and a GitHub that refuses as it is told. */
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
    const refusal = this.failureFor(guid);
    if (refusal) return Promise.reject(new GitHubError(refusal, "Refused"));
    this.requested.push(guid);
    return Promise.resolve();
  }
}

function setUp(...guids: string[]) {
  const clock = new AutoAdvanceClock();
  const attempts = new FakeAttemptSource(guids);
  return { clock, attempts, redelivery: new Redelivery({ attempts, clock }) };
}

Deno.test("Sweep.run() asks for each failed delivery of three days once, a second apart", async () => {
  const { clock, attempts, redelivery } = setUp("a", "b", "c");
  const seen: string[] = [];
  const result = await redelivery.run(never, {
    onProgress: ({ found, requested: asked }) => seen.push(`${asked}/${found}`),
  });
  assertEquals(result, { found: 3, requested: 3, remaining: 0 });
  assertEquals(attempts.requested, ["a", "b", "c"]);
  assertEquals(clock.sleeps, [1_000, 1_000]);
  assertEquals(seen, ["0/3", "1/3", "2/3", "3/3"]);
  assertEquals(clock.now() - attempts.since, 3 * 24 * 60 * MINUTE_S * 1_000);
});

Deno.test("Sweep.run() does not ask again for what GitHub has not sent yet, until five minutes have gone", async () => {
  const { clock, attempts, redelivery } = setUp("a", "b");
  await redelivery.run(never, { limit: 1 });
  assertEquals(await redelivery.run(never), { found: 1, requested: 1, remaining: 0 });
  assertEquals(await redelivery.run(never), { found: 0, requested: 0, remaining: 0 });
  assertEquals(attempts.requested, ["a", "b"]);
  clock.advance(5 * MINUTE_S);
  assertEquals((await redelivery.run(never)).requested, 2);
});

Deno.test("Sweep.run() asks for no more than its limit, and says how many are left", async () => {
  const { attempts, redelivery } = setUp("a", "b", "c");
  assertEquals(await redelivery.run(never, { limit: 2 }), { found: 3, requested: 2, remaining: 1 });
  assertEquals(attempts.requested, ["a", "b"]);
});

for (const refusal of [RATE_LIMITED, { kind: "unauthorized" }] satisfies GitHubFailure[]) {
  Deno.test(`Sweep.run() stops where it is ${refusal.kind}, and goes on from there the next time`, async () => {
    const { attempts, redelivery } = setUp("a", "b", "c");
    attempts.failureFor = (guid) => guid === "b" ? refusal : undefined;
    assertEquals(await redelivery.run(never), {
      found: 3,
      requested: 1,
      remaining: 2,
      failure: refusal,
    });
    attempts.failureFor = () => undefined;
    assertEquals(await redelivery.run(never), { found: 2, requested: 2, remaining: 0 });
    assertEquals(attempts.requested, ["a", "b", "c"]);
  });
}

Deno.test("Sweep.run() passes over what is refused alone, and stops at three in a row", async () => {
  const { attempts, redelivery } = setUp("a", "b", "c", "d", "e", "f", "g");
  const refused: string[] = [];
  attempts.failureFor = (guid) => {
    if (["b", "c", "d"].includes(guid)) return undefined;
    refused.push(guid);
    return guid === "a" ? { kind: "not_accessible", status: 404 } : { kind: "unavailable" };
  };
  const refusal = { kind: "unavailable" } as const;
  assertEquals(await redelivery.run(never), {
    found: 7,
    requested: 3,
    remaining: 4,
    failure: refusal,
  });
  assertEquals([attempts.requested, refused], [["b", "c", "d"], ["a", "e", "f", "g"]]);
});

Deno.test("Sweep.run() is refused when GitHub does not tell what failed", async () => {
  const { attempts, redelivery } = setUp("a");
  attempts.listFailed = () => Promise.reject(new GitHubError(RATE_LIMITED, "Too much"));
  await assertRejects(() => redelivery.run(never), GitHubError, "Too much");
});

Deno.test("Sweep.run() ends when its signal aborts", async () => {
  const { attempts, redelivery } = setUp("a", "b");
  const stop = new AbortController();
  const onProgress = ({ requested }: { requested: number }) => requested === 1 && stop.abort();
  await assertRejects(() => redelivery.run(stop.signal, { onProgress }), DOMException);
  assertEquals(attempts.requested, ["a"]);
});

Deno.test("neverArrived() takes the latest attempt of each delivery of which none succeeded, the oldest first", () => {
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
