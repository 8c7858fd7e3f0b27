import { assertEquals } from "@std/assert";
import { toMessageEvent } from "../../src/message/event.ts";
import type {
  StoredMessage,
  Message,
  MessagePage,
  MessageQuery,
  MessageStore,
  NewMessage,
} from "../../src/message/message.ts";
import type { FakeJournal } from "./journal.ts";
import type { ServerUnderTest } from "./server.ts";
import { SocketClient, until, within } from "./socket.ts";

/** Messages in memory, told by a journal in memory; it fails where that fails. */
export class MemoryMessageStore implements MessageStore {
  readonly #journal: FakeJournal;
  readonly kept: Message[] = [];

  constructor(journal: FakeJournal) {
    this.#journal = journal;
  }

  async insert(draft: NewMessage): Promise<StoredMessage> {
    const message = { ...draft, createdAt: Date.now() };
    const events = await this.#journal.append([toMessageEvent(message)]);
    this.kept.push(message);
    return { message, events };
  }

  list({ before, limit }: MessageQuery): Promise<MessagePage | undefined> {
    const end = before === undefined
      ? this.kept.length
      : this.kept.findIndex(({ id }) => id === before);
    if (end < 0) return Promise.resolve(undefined);
    const messages = this.kept.slice(0, end).reverse();
    return Promise.resolve({
      messages: messages.slice(0, limit),
      hasMore: messages.length > limit,
    });
  }

  prune(): Promise<number> {
    return Promise.resolve(0);
  }
}

/** A frame in which a client says something. */
export function said(content: unknown, user_id: unknown = "ada"): string {
  return JSON.stringify({ content, user_id });
}

/** Connects, and waits until it hears what others say. */
export async function join(server: ServerUnderTest, query = ""): Promise<SocketClient> {
  const before = server.relay.size;
  // The cookie of a session counts only where a page of ours says who connects.
  const headers = { origin: server.url };
  const client = new SocketClient(new WebSocket(`${server.socketUrl}?${query}`, { headers }));
  await within(client.opened, "a connection");
  await until(() => server.relay.size > before, "it has joined");
  return client;
}

/** The next frame, which explains an error. */
export async function errorOf(client: SocketClient): Promise<{ code: string; message: string }> {
  const frame = JSON.parse(await client.next());
  assertEquals(Object.keys(frame), ["error"]);
  assertEquals(Object.keys(frame.error), ["code", "message"]);
  return frame.error;
}

/** What the next frame says, which is a message. */
export async function contentOf(client: SocketClient): Promise<string> {
  return JSON.parse(await client.next()).content;
}
