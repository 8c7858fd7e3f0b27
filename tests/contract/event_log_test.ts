import { assertEquals } from "@std/assert";
import { systemClock as clock } from "../../src/clock.ts";
import type { Event, StoredEvent } from "../../src/feed/event.ts";
import { appendEvents, SqlEventLog } from "../../src/sql/event_log.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const STATUS: Event = {
  type: "status",
  repository: null,
  data: { state: "polling", waiting_until: null },
};

function statuses(count: number): Event[] {
  return Array.from({ length: count }, () => STATUS);
}

function seqs(events: readonly StoredEvent[]): number[] {
  return events.map(({ seq }) => seq);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

testOverDatabases(
  "EventLog.append() numbers events from 1 and adds the time",
  async ({ database }) => {
    const eventLog = new SqlEventLog(database, new ManualClock(Date.UTC(2026, 0, 1)));
    assertEquals(await eventLog.seqRange(), { first: 1, last: 0 });
    assertEquals(await eventLog.append([]), []);
    const at = "2026-01-01T00:00:00.000Z";
    const expected = [{ seq: 1, at, ...STATUS }, { seq: 2, at, ...STATUS }];
    assertEquals(await eventLog.append(statuses(2)), expected);
    assertEquals(await eventLog.readAfter(0, 10), expected);
    assertEquals(await eventLog.seqRange(), { first: 1, last: 2 });
  },
);

testOverDatabases("EventLog.readAfter() returns the events after a number, in order", async (
  { database },
) => {
  const eventLog = new SqlEventLog(database, clock);
  await eventLog.append(statuses(5));
  assertEquals(seqs(await eventLog.readAfter(2, 10)), [3, 4, 5]);
  assertEquals(seqs(await eventLog.readAfter(2, 2)), [3, 4]);
  assertEquals(seqs(await eventLog.readAfter(5, 2)), []);
});

testOverDatabases("EventLog.append() stores more events than one statement can bind", async (
  { database },
) => {
  const eventLog = new SqlEventLog(database, clock);
  assertEquals(seqs(await eventLog.append(statuses(2_500))), upTo(2_500));
  assertEquals(seqs(await eventLog.readAfter(0, 9_999)), upTo(2_500));
});

testOverDatabases("EventLog.append() numbers events in the order of the calls", async (
  { database },
) => {
  const eventLog = new SqlEventLog(database, clock);
  const appended = await Promise.all(upTo(20).map((count) => eventLog.append(statuses(count % 3))));
  assertEquals(appended.map(({ length }) => length), upTo(20).map((count) => count % 3));
  assertEquals(appended.flatMap(seqs), upTo(21));
});

testOverDatabases("EventLog.prune() deletes all but the newest events", async ({ database }) => {
  const eventLog = new SqlEventLog(database, clock);
  await eventLog.append(statuses(2_500));
  assertEquals(await eventLog.prune({ before: 0, count: 10 }), 2_490);
  assertEquals(await eventLog.seqRange(), { first: 2_491, last: 2_500 });
  assertEquals(seqs(await eventLog.readAfter(0, 2)), [2_491, 2_492]);
  assertEquals(await eventLog.prune({ before: 0, count: 10 }), 0);
});

testOverDatabases(
  "EventLog.prune() deletes old events only from the start",
  async ({ database }) => {
    for (const now of [100, 200, 300, 100, 300]) {
      await new SqlEventLog(database, new ManualClock(now)).append([STATUS]);
    }
    const eventLog = new SqlEventLog(database, clock);
    assertEquals(await eventLog.prune({ before: 300, count: 100 }), 2);
    assertEquals(seqs(await eventLog.readAfter(0, 10)), [3, 4, 5]);
  },
);

testOverDatabases("EventLog never assigns a number twice, even if all events were deleted", async (
  { database },
) => {
  const eventLog = new SqlEventLog(database, clock);
  await eventLog.append(statuses(3));
  assertEquals(await eventLog.prune({ before: Number.MAX_SAFE_INTEGER, count: 0 }), 3);
  assertEquals(await eventLog.seqRange(), { first: 4, last: 3 });
  assertEquals(seqs(await eventLog.append([STATUS])), [4]);
});

testOverDatabases(
  "EventLog continues its numbers after a restart",
  async ({ database, reopen }) => {
    const eventLog = new SqlEventLog(database, clock);
    await eventLog.append(statuses(3));
    await eventLog.prune({ before: Number.MAX_SAFE_INTEGER, count: 0 });
    await database.close();
    const reopened = new SqlEventLog(await reopen(), clock);
    assertEquals(await reopened.seqRange(), { first: 4, last: 3 });
    assertEquals(seqs(await reopened.append([STATUS])), [4]);
  },
  { kinds: ["sqlite", "postgres"] },
);

testOverDatabases(
  "EventLog assigns no number to an event that is rolled back",
  async ({ database }) => {
    const eventLog = new SqlEventLog(database, clock);
    const failing = database.write(async (tx) => {
      await appendEvents(tx, [STATUS], { clock });
      throw new Error("No");
    });
    assertEquals(await failing.catch(({ message }) => message), "No");
    assertEquals(await eventLog.seqRange(), { first: 1, last: 0 });
    assertEquals(seqs(await eventLog.append([STATUS])), [1]);
  },
);

testOverDatabases("EventLog shows numbers in order to a reader while 20 writers append", async (
  { database, connectAgain },
) => {
  const databases = [database, await connectAgain()];
  const reader = new SqlEventLog(database, clock);
  const stop = new AbortController();
  const received: number[] = [];
  const reading = (async () => {
    while (!stop.signal.aborted) {
      received.push(...seqs(await reader.readAfter(received.at(-1) ?? 0, 50)));
      await clock.sleep(0);
    }
    received.push(...seqs(await reader.readAfter(received.at(-1) ?? 0, 1_000)));
  })();
  const writing = Array.from({ length: 20 }, async (_, writer) => {
    for (let round = 0; round < 5; round++) {
      await databases[writer % 2]?.write(async (tx) => {
        await appendEvents(tx, statuses(1 + writer % 2), { clock });
        // Later numbers have shorter transactions: a database sequence would show them out of order.
        await clock.sleep((writer * 7 + round) % 4);
      });
    }
  });
  await Promise.all(writing);
  stop.abort();
  await reading;
  assertEquals(received, upTo(150));
}, { kinds: ["memory", "sqlite", "postgres"] });
