import { assertEquals } from "@std/assert";
import { toMessageEvent } from "../../../src/message/message.ts";
import type {
  Message,
  MessagePage,
  MessageQuery,
  MessageStore,
  NewMessage,
  StoredMessage,
} from "../../../src/message/message.ts";
import type { FakeEventLog } from "./event_log.ts";
import type { ServerUnderTest } from "../apps/server.ts";
import { WebSocketClient } from "../clients/websocket.ts";
import { waitUntil, withTimeout } from "../wait.ts";

/** Messages in memory, over an event log in memory whose errors it throws. */
export class MemoryMessageStore implements MessageStore {
  readonly #eventLog: FakeEventLog;
  readonly stored: Message[] = [];

  constructor(eventLog: FakeEventLog) {
    this.#eventLog = eventLog;
  }

  async insert(draft: NewMessage): Promise<StoredMessage> {
    const message = { ...draft, createdAt: Date.now() };
    const events = await this.#eventLog.append([toMessageEvent(message)]);
    this.stored.push(message);
    return { message, events };
  }

  list({ before, limit }: MessageQuery): Promise<MessagePage | undefined> {
    const end = before === undefined
      ? this.stored.length
      : this.stored.findIndex(({ id }) => id === before);
    if (end < 0) return Promise.resolve(undefined);
    const messages = this.stored.slice(0, end).reverse();
    return Promise.resolve({
      messages: messages.slice(0, limit),
      hasMore: messages.length > limit,
    });
  }

  prune(): Promise<number> {
    return Promise.resolve(0);
  }
}

/** A frame with a new message. */
export function messageFrame(content: unknown, user_id: unknown = "ada"): string {
  return JSON.stringify({ content, user_id });
}

/** Connects, and waits until the client receives messages. */
export async function joinMessages(server: ServerUnderTest, query = ""): Promise<WebSocketClient> {
  const before = server.fanout.size;
  // A session cookie is only accepted with the server's own origin.
  const headers = { origin: server.url };
  const client = new WebSocketClient(new WebSocket(`${server.socketUrl}?${query}`, { headers }));
  await withTimeout(client.opened, "a connection");
  await waitUntil(() => server.fanout.size > before, "it has joined");
  return client;
}

/** The next frame, which explains an error. */
export async function nextError(
  client: WebSocketClient,
): Promise<{ code: string; message: string }> {
  const frame = JSON.parse(await client.next());
  assertEquals(Object.keys(frame), ["error"]);
  assertEquals(Object.keys(frame.error), ["code", "message"]);
  return frame.error;
}

/** The content of the next frame, which is a message. */
export async function nextContent(client: WebSocketClient): Promise<string> {
  return JSON.parse(await client.next()).content;
}
