import type { Clock } from "../clock.ts";
import {
  type Message,
  type MessagePage,
  type MessageQuery,
  type MessageStore,
  type NewMessage,
  type StoredMessage,
  toMessageEvent,
} from "../message/message.ts";
import type { Database } from "./database.ts";
import { GroupCommit } from "./engine/group_commit.ts";
import { appendEvents } from "./event_log.ts";
import type { Db, Tx } from "./handles.ts";
import { pruneSequence, type SequencedTable } from "./retention.ts";
import type { MessageTable } from "./tables.ts";

/** Messages are numbered by their events, so their sequence numbers have gaps. */
const MESSAGES: SequencedTable = {
  name: "messages",
  timeColumn: "created_ms",
  seqBefore: seqFromEnd,
};

/** Stores messages in SQL; concurrent ones share a transaction. */
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

  prune(retained: { before: number; count: number }): Promise<number> {
    return pruneSequence(this.#database, MESSAGES, retained);
  }
}

/** Inserts the events first, because they assign the numbers. Inserting the messages then waits for no other transaction. */
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

/** The sequence number of the newest message after skipping `offset`; 0 if no message is left. */
async function seqFromEnd(db: Db, offset: number): Promise<number> {
  const row = await db.selectFrom("messages").select("seq").orderBy("seq", "desc")
    .offset(offset).limit(1).executeTakeFirst();
  return row?.seq ?? 0;
}
