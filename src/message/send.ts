import type { Principal } from "../account/principal.ts";
import type { StoredEvent } from "../feed/event.ts";
import {
  CONTENT_RULE,
  isContent,
  isUserId,
  type Message,
  type MessageStore,
  USER_ID_RULE,
} from "./message.ts";

/** What a client wants to say. */
export interface Draft {
  readonly content: string;
  /** Who says it; of one who has signed in it does not count. */
  readonly userId: string | undefined;
}

/** A message was not taken; the words are for its sender. */
export class MessageError extends Error {
  override readonly name = "MessageError";

  /** `forbidden`: the sender may not write. `bad_message`: nobody may write this. */
  constructor(readonly code: "forbidden" | "bad_message", message: string) {
    super(message);
  }
}

export interface SenderOptions {
  readonly store: Pick<MessageStore, "add">;
  /** Makes UUIDs. */
  readonly newId: () => string;
  /** Told of what was kept, after the commit. */
  readonly tell: (events: readonly StoredEvent[]) => void;
}

/** Takes what clients say: it is kept first, and then told to all. */
export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the message is kept. Messages are told in the order in which this is called: nothing is waited for before
   * the store has the message.
   * @throws {MessageError}
   * @throws {StorageError}
   */
  async send(draft: Draft, caller: Principal): Promise<Message> {
    const { store, newId, tell } = this.#options;
    const { content } = draft;
    if (!caller.permissions.has("write")) {
      throw new MessageError("forbidden", "Cannot post: it needs the permission write");
    }
    if (!isContent(content)) {
      throw new MessageError("bad_message", `Cannot use content: allowed is ${CONTENT_RULE}`);
    }
    const userId = authorOf(draft, caller);
    const { message, events } = await store.add({ id: newId(), content, userId });
    tell(events);
    return message;
  }
}

function authorOf({ userId }: Draft, { session }: Principal): string {
  if (session) return session.user.login;
  if (userId !== undefined && isUserId(userId)) return userId;
  const problem = userId === undefined ? "do without" : "use";
  throw new MessageError("bad_message", `Cannot ${problem} user_id: allowed is ${USER_ID_RULE}`);
}
