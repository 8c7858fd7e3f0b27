import type { MessageData, MessageEvent } from "../feed/event.ts";
import type { Message } from "./message.ts";

export function toMessageEvent(message: Message): MessageEvent {
  return { type: "message", repository: null, data: toMessageData(message) };
}

/** Returns a message in its wire format. */
export function toMessageData({ id, content, userId, createdAt }: Message): MessageData {
  return { id, content, user_id: userId, created_at: new Date(createdAt).toISOString() };
}
