import type { Principal } from "../account/principal.ts";
import { invalid, missingValue, permissionRequired } from "../error_text.ts";
import type { StoredEvent } from "../feed/event.ts";
import {
  CONTENT_RULE,
  isValidContent,
  isValidUserId,
  type Message,
  type MessageStore,
  USER_ID_RULE,
} from "./message.ts";

/** A message as a client sends it. */
export interface MessageInput {
  readonly content: string;
  /** The author; ignored for signed-in users. */
  readonly userId: string | undefined;
}

/** A message was rejected. The text is for its sender. */
export class MessageError extends Error {
  override readonly name = "MessageError";

  /** `forbidden`: the sender lacks a permission. `invalid_message`: the message is invalid for every sender. */
  constructor(readonly code: "forbidden" | "invalid_message", message: string) {
    super(message);
  }
}

interface MessageSenderOptions {
  readonly store: Pick<MessageStore, "insert">;
  /** Generates UUIDs. */
  readonly generateId: () => string;
  /** Called with the stored events after the commit. */
  readonly publish: (events: readonly StoredEvent[]) => void;
}

/** Accepts messages from clients: stores each, then publishes it to all clients. */
export class MessageSender {
  readonly #options: MessageSenderOptions;

  constructor(options: MessageSenderOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the message is stored. Messages are published in the order of the calls, because the store gets a message
   * before this waits for anything.
   * @throws {MessageError}
   * @throws {StorageError}
   */
  async send(input: MessageInput, principal: Principal): Promise<Message> {
    const { store, generateId, publish } = this.#options;
    const { content } = input;
    if (!principal.permissions.has("write")) {
      throw new MessageError("forbidden", permissionRequired("write", "post messages"));
    }
    if (!isValidContent(content)) {
      throw new MessageError("invalid_message", invalid("content", CONTENT_RULE));
    }
    const userId = resolveUserId(input, principal);
    const { message, events } = await store.insert({ id: generateId(), content, userId });
    publish(events);
    return message;
  }
}

function resolveUserId({ userId }: MessageInput, { session }: Principal): string {
  if (session) return session.user.login;
  if (userId !== undefined && isValidUserId(userId)) return userId;
  const text = userId === undefined ? missingValue : invalid;
  throw new MessageError("invalid_message", text("user_id", USER_ID_RULE));
}
