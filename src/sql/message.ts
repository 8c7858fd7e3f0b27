import type { DeleteResult } from "kysely";
import type { Clock } from "../clock.ts";
import { toMessageEvent } from "../message/event.ts";
import type {
  Message,
  MessagePage,
  MessageQuery,
  MessageStore,
  NewMessage,
  StoredMessage,
} from "../message/message.ts";
import type { Database, Db, Tx } from "./database.ts";
import { appendEvents } from "./event_log.ts";
import type { MessageTable } from "./tables.ts";
import { deleteInBatches } from "./retention.ts";
import { GroupCommit } from "./engine/group_commit.ts";

/** Rows that are deleted by one statement; small enough that others get their turn between two. */
const BATCH_ROWS = 1_000;

/** Keeps messages in SQL; those that come together in one transaction. */
export class SqlMessageStore implements MessageStore {
  readonly #database: Database;
  readonly #groupCommit: GroupCommit<NewMessage, StoredMessage>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#groupCommit = new GroupCommit({
      write: (messages) => database.write((tx) => insertMessages(tx, messages, { clock })),
      sizeOf: ({ content }) => content.length,
    });
  }

  insert(message: NewMessage): Promise<StoredMessage> {
    return this.#groupCommit.add(message);
  }

  list(query: MessageQuery): Promise<MessagePage | undefined> {
    return this.#database.read((db) => readPage(db, query));
  }

  async prune({ before, count }: { before: number; count: number }): Promise<number> {
    const end = await this.#database.read((db) => firstRetainedSeq(db, { before, count }));
    return await deleteInBatches(this.#database, (tx) => deleteBatchBefore(tx, end));
  }
}

/** The events come first, as they give the numbers. What is inserted after them waits for no other transaction. */
async function insertMessages(
  tx: Tx,
  newMessages: readonly NewMessage[],
  { clock }: { readonly clock: Clock },
): Promise<readonly StoredMessage[]> {
  const createdAt = clock.now();
  const messages = newMessages.map((newMessage): Message => ({ ...newMessage, createdAt }));
  const events = await appendEvents(tx, messages.map(toMessageEvent), { clock });
  const stored = events.flatMap((event, index) => {
    const message = messages[index];
    return message ? [{ message, events: [event], seq: event.seq }] : [];
  });
  await tx.insertInto("messages").values(stored.map(toRow)).execute();
  return stored;
}

function toRow({ message, seq }: StoredMessage & { readonly seq: number }): MessageTable {
  const { id, content, userId, createdAt } = message;
  return { seq, id, content, user_id: userId, created_ms: createdAt };
}

async function readPage(
  db: Db,
  { before, limit }: MessageQuery,
): Promise<MessagePage | undefined> {
  const end = before === undefined ? undefined : await findSeq(db, before);
  if (before !== undefined && end === undefined) return undefined;
  const rows = await db.selectFrom("messages").selectAll()
    .$if(end !== undefined, (query) => query.where("seq", "<", end ?? 0))
    .orderBy("seq", "desc").limit(limit + 1).execute();
  return { messages: rows.slice(0, limit).map(toMessage), hasMore: rows.length > limit };
}

async function findSeq(db: Db, id: string): Promise<number | undefined> {
  const row = await db.selectFrom("messages").select("seq").where("id", "=", id)
    .executeTakeFirst();
  return row?.seq;
}

function toMessage({ id, content, user_id, created_ms }: MessageTable): Message {
  return { id, content, userId: user_id, createdAt: created_ms };
}

/**
 * Of a clock that was set back nothing in the middle is forgotten. The last is looked up first: what is kept while we look
 * is not to be forgotten.
 */
async function firstRetainedSeq(
  db: Db,
  { before, count }: { before: number; count: number },
): Promise<number> {
  const last = await seqFromEnd(db, 0);
  const firstRecent = await db.selectFrom("messages").select("seq").where(
    "created_ms",
    ">=",
    before,
  )
    .orderBy("seq").limit(1).executeTakeFirst();
  const tooMany = await seqFromEnd(db, count);
  return Math.max(firstRecent?.seq ?? last + 1, tooMany + 1);
}

/** The number of the newest message but `skipped`; 0 where there is none. */
async function seqFromEnd(db: Db, offset: number): Promise<number> {
  const row = await db.selectFrom("messages").select("seq").orderBy("seq", "desc")
    .offset(offset).limit(1).executeTakeFirst();
  return row?.seq ?? 0;
}

/** Deletes the oldest before number `end`. */
function deleteBatchBefore(tx: Tx, end: number): Promise<DeleteResult> {
  const oldest = tx.selectFrom("messages").select("seq").where("seq", "<", end)
    .orderBy("seq").limit(BATCH_ROWS);
  return tx.deleteFrom("messages").where("seq", "in", oldest).executeTakeFirstOrThrow();
}
