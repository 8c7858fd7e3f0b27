import type { DeleteResult } from "kysely";
import type { Clock } from "../clock.ts";
import type { Event, StoredEvent } from "../feed/event.ts";
import type { EventLog, SeqRange } from "../feed/event_log.ts";
import type { Database, Db, Tx } from "./database.ts";
import type { EventTable } from "./tables.ts";
import { deleteInBatches } from "./retention.ts";
import { GroupCommit } from "./engine/group_commit.ts";

/** Rows that are inserted or deleted by one statement; small enough that others get their turn between two. */
const BATCH_ROWS = 1_000;

/** Keeps the feed's events in SQL. */
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

  async prune({ before, count }: { before: number; count: number }): Promise<number> {
    const end = await this.#database.read((db) => firstRetainedSeq(db, { before, count }));
    return await deleteInBatches(this.#database, (tx) => deleteBatchBefore(tx, end));
  }
}

/**
 * Numbers events and keeps them. Until this transaction ends no other one gets a number, so it comes last in a transaction:
 * what is locked after it could end in a deadlock.
 */
export async function appendEvents(
  tx: Tx,
  events: readonly Event[],
  { clock }: { readonly clock: Clock },
): Promise<readonly StoredEvent[]> {
  if (events.length === 0) return [];
  const { last_seq: last } = await tx.updateTable("event_counter")
    .set((eb) => ({ last_seq: eb("last_seq", "+", events.length) }))
    .where("id", "=", 1).returning("last_seq").executeTakeFirstOrThrow();
  const first = last - events.length + 1;
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

/** As appendEvents(), of several lists. Returns the events of each. */
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
  // We wrote it ourselves.
  const parsed: Event = JSON.parse(event);
  return toStoredEvent(parsed, row);
}

function toStoredEvent(event: Event, { seq, at_ms }: Omit<EventTable, "event">): StoredEvent {
  return { seq, at: new Date(at_ms).toISOString(), ...event };
}

async function readSeqRange(db: Db): Promise<SeqRange> {
  const { first, last_seq: last } = await db.selectFrom("event_counter")
    .select((eb) => [
      "last_seq",
      eb.selectFrom("events").select((e) => e.fn.min("seq").as("seq")).as("first"),
    ])
    .where("id", "=", 1).executeTakeFirstOrThrow();
  return { first: first ?? last + 1, last };
}

/** Of a clock that was set back nothing in the middle is forgotten: what is kept has no holes. */
async function firstRetainedSeq(
  db: Db,
  { before, count }: { before: number; count: number },
): Promise<number> {
  const { last } = await readSeqRange(db);
  const firstRecent = await db.selectFrom("events").select("seq").where("at_ms", ">=", before)
    .orderBy("seq").limit(1).executeTakeFirst();
  return Math.max(firstRecent?.seq ?? last + 1, last - count + 1);
}

/** Deletes the oldest before number `end`. */
async function deleteBatchBefore(tx: Tx, end: number): Promise<DeleteResult> {
  const { first } = await readSeqRange(tx);
  return await tx.deleteFrom("events")
    .where("seq", "<", Math.min(end, first + BATCH_ROWS)).executeTakeFirstOrThrow();
}
