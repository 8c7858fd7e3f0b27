import type { Clock } from "../clock.ts";
import type { Event, StoredEvent } from "../feed/event.ts";
import type { EventLog, SeqRange } from "../feed/event_log.ts";
import type { Database } from "./database.ts";
import { GroupCommit } from "./engine/group_commit.ts";
import type { Db, Tx } from "./handles.ts";
import { pruneSequence, type SequencedTable } from "./retention.ts";
import type { EventTable } from "./tables.ts";

/** Rows inserted by one statement. */
const BATCH_ROWS = 1_000;

/** Sequence numbers of events have no gaps. */
const EVENTS: SequencedTable = {
  name: "events",
  timeColumn: "at_ms",
  seqBefore: async (db, count) => (await readSeqRange(db)).last - count,
};

/** Stores the events of the feed in SQL. */
export class SqlEventLog implements EventLog {
  readonly #database: Database;
  readonly #groupCommit: GroupCommit<readonly Event[], readonly StoredEvent[]>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#groupCommit = new GroupCommit({
      write: (lists) => database.write((tx) => appendEventLists(tx, lists, { clock })),
      sizeOf: () => 0,
    });
  }

  append(events: readonly Event[]): Promise<readonly StoredEvent[]> {
    if (events.length === 0) return Promise.resolve([]);
    return this.#groupCommit.add(events);
  }

  async readAfter(seq: number, limit: number): Promise<readonly StoredEvent[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("events").selectAll().where("seq", ">", seq).orderBy("seq").limit(limit)
        .execute()
    );
    return rows.map(parseEventRow);
  }

  seqRange(): Promise<SeqRange> {
    return this.#database.read(readSeqRange);
  }

  prune(retained: { before: number; count: number }): Promise<number> {
    return pruneSequence(this.#database, EVENTS, retained);
  }
}

/**
 * Numbers and stores events. No other transaction gets a number until this one ends, so call it last: rows locked after it
 * could cause a deadlock.
 */
export async function appendEvents(
  tx: Tx,
  events: readonly Event[],
  { clock }: { readonly clock: Clock },
): Promise<readonly StoredEvent[]> {
  if (events.length === 0) return [];
  const { last_seq } = await tx.updateTable("event_counter")
    .set((eb) => ({ last_seq: eb("last_seq", "+", events.length) }))
    .where("id", "=", 1).returning("last_seq").executeTakeFirstOrThrow();
  const first = last_seq - events.length + 1;
  const at_ms = clock.now();
  const rows = events.map((event, index): EventTable => ({
    seq: first + index,
    at_ms,
    event: JSON.stringify(event),
  }));
  for (let start = 0; start < rows.length; start += BATCH_ROWS) {
    await tx.insertInto("events").values(rows.slice(start, start + BATCH_ROWS)).execute();
  }
  return events.map((event, index) => toStoredEvent(event, { seq: first + index, at_ms }));
}

/** Like appendEvents(), for several lists. Returns the stored events of each. */
export async function appendEventLists(
  tx: Tx,
  lists: readonly (readonly Event[])[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly StoredEvent[])[]> {
  const stored = await appendEvents(tx, lists.flat(), { clock });
  let end = 0;
  return lists.map(({ length }) => stored.slice(end, end += length));
}

function parseEventRow({ event, ...row }: EventTable): StoredEvent {
  // Written by appendEvents().
  const parsed: Event = JSON.parse(event);
  return toStoredEvent(parsed, row);
}

function toStoredEvent(event: Event, { seq, at_ms }: Omit<EventTable, "event">): StoredEvent {
  return { seq, at: new Date(at_ms).toISOString(), ...event };
}

async function readSeqRange(db: Db): Promise<SeqRange> {
  const { first, last_seq } = await db.selectFrom("event_counter")
    .select((eb) => [
      "last_seq",
      eb.selectFrom("events").select((e) => e.fn.min("seq").as("seq")).as("first"),
    ])
    .where("id", "=", 1).executeTakeFirstOrThrow();
  return { first: first ?? last_seq + 1, last: last_seq };
}
