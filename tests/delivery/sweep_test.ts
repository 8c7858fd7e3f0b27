import { assertEquals, assertRejects } from "@std/assert";
import {
  type DeliveryAttempt,
  type DeliveryAttempts,
  type FailedDelivery,
  neverArrived,
  Sweep,
} from "../../src/delivery/sweep.ts";
import { type Refusal, RefusedError } from "../../src/errors.ts";
import { PromptClock } from "../simulator/hooked.ts";

const never = new AbortController().signal;
const MINUTE_S = 60;
const LIMITED: Refusal = { kind: "limited", retryAt: 5 };

function attempt(guid: string, at: number, changes: Partial<DeliveryAttempt> = {}) {
  const attempt: DeliveryAttempt = {
    guid,
    id: `${guid} at ${at}`,
    event: "push",
    action: null,
    at,
    succeeded: false,
    hook: null,
    ...changes,
  };
  return attempt;
}

/** Deliveries that failed and keep failing, and a GitHub that refuses as it is told. */
class Failed implements DeliveryAttempts {
  readonly asked: string[] = [];
  since = 0;
  refuse: (guid: string) => Refusal | undefined = () => undefined;

  constructor(readonly guids: readonly string[]) {}

  failed(since: number): Promise<readonly FailedDelivery[]> {
    this.since = since;
    return Promise.resolve(this.guids.map((guid, i) => attempt(guid, i)));
  }

  redeliver({ guid }: FailedDelivery): Promise<void> {
    const refusal = this.refuse(guid);
    if (refusal) return Promise.reject(new RefusedError(refusal, "Refused"));
    this.asked.push(guid);
    return Promise.resolve();
  }
}

function sweeping(...guids: string[]) {
  const clock = new PromptClock();
  const attempts = new Failed(guids);
  return { clock, attempts, sweep: new Sweep({ attempts, clock }) };
}

Deno.test("Sweep.run() asks for each failed delivery of three days once, a second apart", async () => {
  const { clock, attempts, sweep } = sweeping("a", "b", "c");
  const seen: string[] = [];
  const result = await sweep.run(never, {
    onProgress: ({ found, asked }) => seen.push(`${asked}/${found}`),
  });
  assertEquals(result, { found: 3, asked: 3, left: 0 });
  assertEquals(attempts.asked, ["a", "b", "c"]);
  assertEquals(clock.pauses, [1_000, 1_000]);
  assertEquals(seen, ["0/3", "1/3", "2/3", "3/3"]);
  assertEquals(clock.now() - attempts.since, 3 * 24 * 60 * MINUTE_S * 1_000);
});

Deno.test("Sweep.run() does not ask again for what GitHub has not sent yet, until five minutes have gone", async () => {
  const { clock, attempts, sweep } = sweeping("a", "b");
  await sweep.run(never, { limit: 1 });
  assertEquals(await sweep.run(never), { found: 1, asked: 1, left: 0 });
  assertEquals(await sweep.run(never), { found: 0, asked: 0, left: 0 });
  assertEquals(attempts.asked, ["a", "b"]);
  clock.pass(5 * MINUTE_S);
  assertEquals((await sweep.run(never)).asked, 2);
});

Deno.test("Sweep.run() asks for no more than its limit, and says how many are left", async () => {
  const { attempts, sweep } = sweeping("a", "b", "c");
  assertEquals(await sweep.run(never, { limit: 2 }), { found: 3, asked: 2, left: 1 });
  assertEquals(attempts.asked, ["a", "b"]);
});

for (const refusal of [LIMITED, { kind: "unauthorized" }] satisfies Refusal[]) {
  Deno.test(`Sweep.run() stops where it is ${refusal.kind}, and goes on from there the next time`, async () => {
    const { attempts, sweep } = sweeping("a", "b", "c");
    attempts.refuse = (guid) => guid === "b" ? refusal : undefined;
    assertEquals(await sweep.run(never), { found: 3, asked: 1, left: 2, refusal });
    attempts.refuse = () => undefined;
    assertEquals(await sweep.run(never), { found: 2, asked: 2, left: 0 });
    assertEquals(attempts.asked, ["a", "b", "c"]);
  });
}

Deno.test("Sweep.run() passes over what is refused alone, and stops at three in a row", async () => {
  const { attempts, sweep } = sweeping("a", "b", "c", "d", "e", "f", "g");
  const refused: string[] = [];
  attempts.refuse = (guid) => {
    if (["b", "c", "d"].includes(guid)) return undefined;
    refused.push(guid);
    return guid === "a" ? { kind: "missing", status: 404 } : { kind: "unavailable" };
  };
  const refusal = { kind: "unavailable" } as const;
  assertEquals(await sweep.run(never), { found: 7, asked: 3, left: 4, refusal });
  assertEquals([attempts.asked, refused], [["b", "c", "d"], ["a", "e", "f", "g"]]);
});

Deno.test("Sweep.run() is refused when GitHub does not tell what failed", async () => {
  const { attempts, sweep } = sweeping("a");
  attempts.failed = () => Promise.reject(new RefusedError(LIMITED, "Too much"));
  await assertRejects(() => sweep.run(never), RefusedError, "Too much");
});

Deno.test("Sweep.run() ends when its signal aborts", async () => {
  const { attempts, sweep } = sweeping("a", "b");
  const stop = new AbortController();
  const onProgress = ({ asked }: { asked: number }) => asked === 1 && stop.abort();
  await assertRejects(() => sweep.run(stop.signal, { onProgress }), DOMException);
  assertEquals(attempts.asked, ["a"]);
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
    assertEquals(neverArrived(order).map(({ id }) => id), ["once at 6", "again at 9"]);
  }
});
