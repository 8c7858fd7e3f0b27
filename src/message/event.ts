import type { MessageData, MessageEvent } from "../feed/event.ts";
import type { Message } from "./message.ts";

/** What clients hear of a message. */
export function messageEvent(message: Message): MessageEvent {
  return { type: "message", repository: null, data: messageData(message) };
}

/** A message as it goes over the wire. */
export function messageData({ id, content, userId, createdAt }: Message): MessageData {
  return { id, content, user_id: userId, created_at: new Date(createdAt).toISOString() };
}
