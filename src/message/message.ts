import type { StoredEvent } from "../feed/event.ts";

/** A short message from one client to all. */
export interface Message {
  /** A UUID. */
  readonly id: string;
  readonly content: string;
  /** Who has written it: of one who has signed in his login, else what the client said. */
  readonly userId: string;
  /** In ms since the epoch. */
  readonly createdAt: number;
}

export type NewMessage = Omit<Message, "createdAt">;

/** In words that end the sentence `Cannot use content="…": allowed is …`. */
export const CONTENT_RULE = "1 to 4,000 characters, none of them U+0000 or half a surrogate pair";
export const USER_ID_RULE = "1 to 100 characters, none of them a control character";

/** PostgreSQL has no place for U+0000, and UTF-8 none for half a pair. Characters are code points. */
export function isValidContent(text: string): boolean {
  return /^[^\0]{1,4000}$/u.test(text) && text.isWellFormed();
}

export function isValidUserId(text: string): boolean {
  return /^\P{Cc}{1,100}$/u.test(text) && text.isWellFormed();
}

/** How long messages are kept, */
export const RETAIN_MESSAGES_MS = 400 * 24 * 60 * 60 * 1_000;
/** and how many at the most. */
export const RETAIN_MESSAGES_COUNT = 100_000;

/** Which messages are asked for. */
export interface MessageQuery {
  /** Those before the message of this id; the latest, where it is not given. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Messages in the order of the feed, the newest first. */
export interface MessagePage {
  readonly messages: readonly Message[];
  /** Whether there are some before them. */
  readonly hasMore: boolean;
}

/** Where messages are kept. All throw StorageError. */
export interface MessageStore {
  /**
   * Keeps a message, and in the same transaction the event that tells it. Messages get their numbers in the order in which
   * this is called.
   */
  insert(message: NewMessage): Promise<StoredMessage>;
  /** `undefined` when there is no message of the id `before` (any more). */
  list(query: MessageQuery): Promise<MessagePage | undefined>;
  /** Forgets messages from before `before` (ms since the epoch), and all but the last `count`. Returns how many. */
  prune(limits: { readonly before: number; readonly count: number }): Promise<number>;
}

export interface StoredMessage {
  readonly message: Message;
  readonly events: readonly StoredEvent[];
}
