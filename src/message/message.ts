import { DAY_MS } from "../clock.ts";
import type { MessageData, MessageEvent, StoredEvent } from "../feed/event.ts";

/** A chat message from one client to all. */
export interface Message {
  /** UUID */
  readonly id: string;
  readonly content: string;
  /** The author: the login of a signed-in user, otherwise the name the client sent. */
  readonly userId: string;
  /** In ms since the epoch. */
  readonly createdAt: number;
}

export type NewMessage = Omit<Message, "createdAt">;

/** The valid contents, as a noun phrase for error texts. */
export const CONTENT_RULE = "1 to 4,000 characters, none of them U+0000 or an unpaired surrogate";
/** The valid author names, as a noun phrase for error texts. */
export const USER_ID_RULE = "1 to 100 characters, none of them a control character";

/** PostgreSQL cannot store U+0000, and UTF-8 cannot encode an unpaired surrogate. Characters are code points. */
export function isValidContent(text: string): boolean {
  return /^[^\0]{1,4000}$/u.test(text) && text.isWellFormed();
}

export function isValidUserId(text: string): boolean {
  return /^\P{Cc}{1,100}$/u.test(text) && text.isWellFormed();
}

/** The maximum age of stored messages. */
export const RETAIN_MESSAGES_MS = 400 * DAY_MS;
/** The maximum number of stored messages. */
export const RETAIN_MESSAGES_COUNT = 100_000;

/** Selects a page of messages. */
export interface MessageQuery {
  /** The id of the message after the page; default: the latest messages. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Messages in the order of the feed, newest first. */
export interface MessagePage {
  readonly messages: readonly Message[];
  /** Whether there are older messages. */
  readonly hasMore: boolean;
}

/** Stores messages. All methods throw StorageError. */
export interface MessageStore {
  /**
   * Stores a message and, in the same transaction, its event. Events are numbered in the order of the calls.
   */
  insert(message: NewMessage): Promise<StoredMessage>;
  /** Returns `undefined` if there is no message with the id `before`, or no longer. */
  list(query: MessageQuery): Promise<MessagePage | undefined>;
  /** Deletes messages older than `before` (ms since the epoch), and all but the last `count`. Returns the number deleted. */
  prune(limits: { readonly before: number; readonly count: number }): Promise<number>;
}

export interface StoredMessage {
  readonly message: Message;
  readonly events: readonly StoredEvent[];
}

export function toMessageEvent(message: Message): MessageEvent {
  return { type: "message", repository: null, data: toMessageData(message) };
}

/** Returns a message in its wire format. */
export function toMessageData({ id, content, userId, createdAt }: Message): MessageData {
  return { id, content, user_id: userId, created_at: new Date(createdAt).toISOString() };
}
