import type { Principal } from "../account/principal.ts";
import type { StoredEvent } from "../feed/event.ts";
import {
  CONTENT_RULE,
  isValidContent,
  isValidUserId,
  type Message,
  type MessageStore,
  USER_ID_RULE,
} from "./message.ts";

/** What a client wants to say. */
export interface MessageInput {
  readonly content: string;
  /** Who says it; of one who has signed in it does not count. */
  readonly userId: string | undefined;
}

/** A message was not taken; the words are for its sender. */
export class MessageError extends Error {
  override readonly name = "MessageError";

  /** `forbidden`: the sender may not write. `invalid_message`: nobody may write this. */
  constructor(readonly code: "forbidden" | "invalid_message", message: string) {
    super(message);
  }
}

export interface MessageSenderOptions {
  readonly store: Pick<MessageStore, "insert">;
  /** Makes UUIDs. */
  readonly generateId: () => string;
  /** Told of what was kept, after the commit. */
  readonly publish: (events: readonly StoredEvent[]) => void;
}

/** Takes what clients say: it is kept first, and then told to all. */
export class MessageSender {
  readonly #options: MessageSenderOptions;

  constructor(options: MessageSenderOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the message is kept. Messages are told in the order in which this is called: nothing is waited for before
   * the store has the message.
   * @throws {MessageError}
   * @throws {StorageError}
   */
  async send(input: MessageInput, principal: Principal): Promise<Message> {
    const { store, generateId, publish } = this.#options;
    const { content } = input;
    if (!principal.permissions.has("write")) {
      throw new MessageError("forbidden", "Cannot post: it needs the permission write");
    }
    if (!isValidContent(content)) {
      throw new MessageError("invalid_message", `Cannot use content: allowed is ${CONTENT_RULE}`);
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
  const problem = userId === undefined ? "do without" : "use";
  throw new MessageError(
    "invalid_message",
    `Cannot ${problem} user_id: allowed is ${USER_ID_RULE}`,
  );
}
