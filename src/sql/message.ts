import type { DeleteResult } from "kysely";
import type { Clock } from "../clock.ts";
import { toMessageEvent } from "../message/event.ts";
import type {
  StoredMessage,
  Message,
  MessagePage,
  MessageQuery,
  MessageStore,
  NewMessage,
} from "../message/message.ts";
import type { Database, Db, Tx } from "./database.ts";
import { appendEvents } from "./event.ts";
import type { MessageTable } from "./tables.ts";
import { deleteInTurns } from "./turns.ts";
import { GroupWriter } from "./writer.ts";

/** Rows that are deleted by one statement; small enough that others get their turn between two. */
const ROWS = 1_000;

/** Keeps messages in SQL; those that come together in one transaction. */
export class SqlMessageStore implements MessageStore {
  readonly #database: Database;
  readonly #writer: GroupWriter<NewMessage, StoredMessage>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#writer = new GroupWriter({
      write: (messages) => database.write((tx) => keepMessages(tx, messages, { clock })),
      sizeOf: ({ content }) => content.length,
    });
  }

  insert(message: NewMessage): Promise<StoredMessage> {
    return this.#writer.add(message);
  }

  list(query: MessageQuery): Promise<MessagePage | undefined> {
    return this.#database.read((db) => readPage(db, query));
  }

  async prune({ before, count }: { before: number; count: number }): Promise<number> {
    const end = await this.#database.read((db) => firstToKeep(db, { before, count }));
    return await deleteInTurns(this.#database, (tx) => deleteBefore(tx, end));
  }
}

/** The events come first, as they give the numbers. What is inserted after them waits for no other transaction. */
async function keepMessages(
  tx: Tx,
  drafts: readonly NewMessage[],
  { clock }: { readonly clock: Clock },
): Promise<readonly StoredMessage[]> {
  const createdAt = clock.now();
  const messages = drafts.map((draft): Message => ({ ...draft, createdAt }));
  const events = await appendEvents(tx, messages.map(toMessageEvent), { clock });
  const kept = events.flatMap((event, index) => {
    const message = messages[index];
    return message ? [{ message, events: [event], seq: event.seq }] : [];
  });
  await tx.insertInto("messages").values(kept.map(rowOf)).execute();
  return kept;
}

function rowOf({ message, seq }: StoredMessage & { readonly seq: number }): MessageTable {
  const { id, content, userId, createdAt } = message;
  return { seq, id, content, user_id: userId, created_ms: createdAt };
}

async function readPage(
  db: Db,
  { before, limit }: MessageQuery,
): Promise<MessagePage | undefined> {
  const end = before === undefined ? undefined : await seqOf(db, before);
  if (before !== undefined && end === undefined) return undefined;
  const rows = await db.selectFrom("messages").selectAll()
    .$if(end !== undefined, (query) => query.where("seq", "<", end ?? 0))
    .orderBy("seq", "desc").limit(limit + 1).execute();
  return { messages: rows.slice(0, limit).map(messageOf), hasMore: rows.length > limit };
}

async function seqOf(db: Db, id: string): Promise<number | undefined> {
  const row = await db.selectFrom("messages").select("seq").where("id", "=", id)
    .executeTakeFirst();
  return row?.seq;
}

function messageOf({ id, content, user_id, created_ms }: MessageTable): Message {
  return { id, content, userId: user_id, createdAt: created_ms };
}

/**
 * Of a clock that was set back nothing in the middle is forgotten. The last is looked up first: what is kept while we look
 * is not to be forgotten.
 */
async function firstToKeep(
  db: Db,
  { before, count }: { before: number; count: number },
): Promise<number> {
  const last = await numberFromEnd(db, 0);
  const young = await db.selectFrom("messages").select("seq").where("created_ms", ">=", before)
    .orderBy("seq").limit(1).executeTakeFirst();
  const tooMany = await numberFromEnd(db, count);
  return Math.max(young?.seq ?? last + 1, tooMany + 1);
}

/** The number of the newest message but `skipped`; 0 where there is none. */
async function numberFromEnd(db: Db, skipped: number): Promise<number> {
  const row = await db.selectFrom("messages").select("seq").orderBy("seq", "desc")
    .offset(skipped).limit(1).executeTakeFirst();
  return row?.seq ?? 0;
}

/** Deletes the oldest before number `end`. */
function deleteBefore(tx: Tx, end: number): Promise<DeleteResult> {
  const oldest = tx.selectFrom("messages").select("seq").where("seq", "<", end)
    .orderBy("seq").limit(ROWS);
  return tx.deleteFrom("messages").where("seq", "in", oldest).executeTakeFirstOrThrow();
}
