import { assertEquals, assertRejects } from "@std/assert";
import { systemClock as clock } from "../../../src/clock.ts";
import { StaleFencingTokenError, type Term } from "../../../src/cluster/lease.ts";
import { SqlEventLog } from "../../../src/sql/event_log.ts";
import { SqlFencingTokens, SqlLease, withFencing } from "../../../src/sql/cluster/lease.ts";
import { SqlRunStore } from "../../../src/sql/run/run.ts";
import { openTestDatabase } from "../../fakes/database.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { aStatus } from "../../fakes/stores/event_log.ts";
import { isPostgresAvailable } from "../../fakes/postgres.ts";

const ignore = !await isPostgresAvailable();
const A: Term = { holder: "a", fencingToken: 1 };
const B: Term = { holder: "b", fencingToken: 2 };

Deno.test({
  name: "SqlFencingTokens.advance() rejects a term that is not above the last",
  ignore,
  async fn() {
    await using opened = await openTestDatabase("postgres");
    const tokens = new SqlFencingTokens(opened.database);
    assertEquals(await tokens.current(), 0);
    assertEquals(await tokens.advance(B), true);
    assertEquals(await tokens.advance(B), true);
    assertEquals(await tokens.advance(A), false);
    assertEquals(await tokens.advance({ ...B, holder: "another with the same token" }), false);
    assertEquals(await tokens.current(), 2);
  },
});

Deno.test({
  name: "withFencing() writes only in the last term",
  ignore,
  async fn() {
    await using opened = await openTestDatabase("postgres");
    const tokens = new SqlFencingTokens(opened.database);
    const stores = [A, B, undefined].map((term) =>
      new SqlRunStore(withFencing(opened.database, () => term), clock)
    );
    const [inA, inB, inNone] = stores;
    await tokens.advance(A);
    assertEquals((await inA?.put([aRun({ id: 1 })]))?.length, 1);
    await assertRejects(() => inB?.put([aRun({ id: 2 })]) ?? unreachable(), StaleFencingTokenError);
    await tokens.advance(B);
    await assertRejects(() => inA?.put([aRun({ id: 3 })]) ?? unreachable(), StaleFencingTokenError);
    await assertRejects(
      () => inNone?.put([aRun({ id: 4 })]) ?? unreachable(),
      StaleFencingTokenError,
    );
    assertEquals((await inB?.put([aRun({ id: 5 })]))?.length, 1);
    const events = await new SqlEventLog(opened.database, clock).readAfter(0, 9);
    assertEquals(events.map(({ data }) => "id" in data && data.id), [1, 5]);
  },
});

Deno.test({
  name: "withFencing() keeps a later term from starting during a transaction",
  ignore,
  async fn() {
    await using opened = await openTestDatabase("postgres");
    const tokens = new SqlFencingTokens(await opened.connectAgain());
    await tokens.advance(A);
    const order: string[] = [];
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const writing = withFencing(opened.database, () => A).write(async () => {
      begun.resolve();
      await end.promise;
      order.push("the first has written");
    });
    await begun.promise;
    const raising = tokens.advance(B).then(() => order.push("the second may write"));
    await clock.sleep(100);
    end.resolve();
    await Promise.all([writing, raising]);
    assertEquals(order, ["the first has written", "the second may write"]);
  },
});

Deno.test({
  name:
    "SqlLease renews and releases the lease during a transaction, SqlFencingTokens.advance() waits for it",
  ignore,
  async fn() {
    await using opened = await openTestDatabase("postgres");
    const other = await opened.connectAgain();
    const [lease, tokens] = [new SqlLease(other), new SqlFencingTokens(other)];
    const fencingToken = await lease.acquire("a", { ttlMs: 60_000, above: 0 }) ?? 0;
    const order: string[] = [];
    let raising: Promise<unknown> | undefined;
    await withFencing(opened.database, () => ({ holder: "a", fencingToken })).write(
      async () => {
        assertEquals(await lease.renew("a", { ttlMs: 60_000 }), true);
        await lease.release("a");
        assertEquals(await lease.acquire("b", { ttlMs: 60_000, above: 0 }), fencingToken + 1);
        const term = { holder: "b", fencingToken: fencingToken + 1 };
        raising = tokens.advance(term).then(() => order.push("the second may write"));
        await clock.sleep(100);
        order.push("the first has written");
      },
    );
    await raising;
    assertEquals(order, ["the first has written", "the second may write"]);
  },
});

Deno.test({
  name: "withFencing() stores nothing that a paused former leader appends",
  ignore,
  async fn() {
    await using opened = await openTestDatabase("postgres");
    const tokens = new SqlFencingTokens(opened.database);
    await tokens.advance(A);
    const eventLog = new SqlEventLog(withFencing(opened.database, () => A), clock);
    await tokens.advance(B);
    await assertRejects(() => eventLog.append([aStatus()]), StaleFencingTokenError);
    assertEquals(await eventLog.seqRange(), { first: 1, last: 0 });
  },
});

function unreachable(): never {
  throw new Error("There is no store");
}
