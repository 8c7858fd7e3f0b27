import { assertEquals } from "@std/assert";
import { systemClock as clock } from "../../src/clock.ts";
import type { Event, StoredEvent } from "../../src/feed/event.ts";
import { appendEvents, SqlJournal } from "../../src/sql/event.ts";
import { SetClock } from "../fakes/clock.ts";
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

testOverDatabases("Journal.append() numbers from 1, and dates", async ({ database }) => {
  const journal = new SqlJournal(database, new SetClock(Date.UTC(2026, 0, 1)));
  assertEquals(await journal.seqRange(), { first: 1, last: 0 });
  assertEquals(await journal.append([]), []);
  const at = "2026-01-01T00:00:00.000Z";
  const expected = [{ seq: 1, at, ...STATUS }, { seq: 2, at, ...STATUS }];
  assertEquals(await journal.append(statuses(2)), expected);
  assertEquals(await journal.readAfter(0, 10), expected);
  assertEquals(await journal.seqRange(), { first: 1, last: 2 });
});

testOverDatabases("Journal.after() gives what comes after a number, in order", async (
  { database },
) => {
  const journal = new SqlJournal(database, clock);
  await journal.append(statuses(5));
  assertEquals(seqs(await journal.readAfter(2, 10)), [3, 4, 5]);
  assertEquals(seqs(await journal.readAfter(2, 2)), [3, 4]);
  assertEquals(seqs(await journal.readAfter(5, 2)), []);
});

testOverDatabases("Journal.append() keeps more events than one statement takes", async (
  { database },
) => {
  const journal = new SqlJournal(database, clock);
  assertEquals(seqs(await journal.append(statuses(2_500))), upTo(2_500));
  assertEquals(seqs(await journal.readAfter(0, 9_999)), upTo(2_500));
});

testOverDatabases("Journal.append() numbers events in the order in which it is called", async (
  { database },
) => {
  const journal = new SqlJournal(database, clock);
  const appended = await Promise.all(upTo(20).map((count) => journal.append(statuses(count % 3))));
  assertEquals(appended.map(({ length }) => length), upTo(20).map((count) => count % 3));
  assertEquals(appended.flatMap(seqs), upTo(21));
});

testOverDatabases("Journal.prune() forgets all but the last", async ({ database }) => {
  const journal = new SqlJournal(database, clock);
  await journal.append(statuses(2_500));
  assertEquals(await journal.prune({ before: 0, count: 10 }), 2_490);
  assertEquals(await journal.seqRange(), { first: 2_491, last: 2_500 });
  assertEquals(seqs(await journal.readAfter(0, 2)), [2_491, 2_492]);
  assertEquals(await journal.prune({ before: 0, count: 10 }), 0);
});

testOverDatabases("Journal.prune() forgets what is old, in front alone", async ({ database }) => {
  for (const now of [100, 200, 300, 100, 300]) {
    await new SqlJournal(database, new SetClock(now)).append([STATUS]);
  }
  const journal = new SqlJournal(database, clock);
  assertEquals(await journal.prune({ before: 300, count: 100 }), 2);
  assertEquals(seqs(await journal.readAfter(0, 10)), [3, 4, 5]);
});

testOverDatabases("Journal never gives a number twice, though none is kept", async (
  { database },
) => {
  const journal = new SqlJournal(database, clock);
  await journal.append(statuses(3));
  assertEquals(await journal.prune({ before: Number.MAX_SAFE_INTEGER, count: 0 }), 3);
  assertEquals(await journal.seqRange(), { first: 4, last: 3 });
  assertEquals(seqs(await journal.append([STATUS])), [4]);
});

testOverDatabases(
  "Journal goes on with its numbers after a restart",
  async ({ database, reopen }) => {
    const journal = new SqlJournal(database, clock);
    await journal.append(statuses(3));
    await journal.prune({ before: Number.MAX_SAFE_INTEGER, count: 0 });
    await database.close();
    const again = new SqlJournal(await reopen(), clock);
    assertEquals(await again.seqRange(), { first: 4, last: 3 });
    assertEquals(seqs(await again.append([STATUS])), [4]);
  },
  { kinds: ["sqlite", "postgres"] },
);

testOverDatabases("Journal gives no number for what is rolled back", async ({ database }) => {
  const journal = new SqlJournal(database, clock);
  const failing = database.write(async (tx) => {
    await appendEvents(tx, [STATUS], { clock });
    throw new Error("No");
  });
  assertEquals(await failing.catch(({ message }) => message), "No");
  assertEquals(await journal.seqRange(), { first: 1, last: 0 });
  assertEquals(seqs(await journal.append([STATUS])), [1]);
});

testOverDatabases("Journal shows numbers in their order while 20 write and one reads", async (
  { database, another },
) => {
  const databases = [database, await another()];
  const reader = new SqlJournal(database, clock);
  const stop = new AbortController();
  const seen: number[] = [];
  const reading = (async () => {
    while (!stop.signal.aborted) {
      seen.push(...seqs(await reader.readAfter(seen.at(-1) ?? 0, 50)));
      await clock.sleep(0);
    }
    seen.push(...seqs(await reader.readAfter(seen.at(-1) ?? 0, 1_000)));
  })();
  const writing = Array.from({ length: 20 }, async (_, writer) => {
    for (let round = 0; round < 5; round++) {
      await databases[writer % 2]?.write(async (tx) => {
        await appendEvents(tx, statuses(1 + writer % 2), { clock });
        // The later a number, the sooner its transaction could end: a sequence would show them out of order.
        await clock.sleep((writer * 7 + round) % 4);
      });
    }
  });
  await Promise.all(writing);
  stop.abort();
  await reading;
  assertEquals(seen, upTo(150));
});
