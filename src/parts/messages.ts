import type { Clock } from "../clock.ts";
import type { Feed } from "../feed/feed.ts";
import { TopicFanout } from "../feed/topic_fanout.ts";
import { Retention } from "../feed/retention.ts";
import type { Api } from "../http/api.ts";
import { messageRoutes } from "../http/routes/message.ts";
import { RETAIN_MESSAGES_COUNT, RETAIN_MESSAGES_MS } from "../message/message.ts";
import { MessageSender } from "../message/sender.ts";
import type { Database } from "../sql/database.ts";
import { SqlMessageStore } from "../sql/message.ts";

export interface MessageServicesOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly feed: Feed;
}

export interface MessageServices {
  readonly sender: MessageSender;
  readonly routes: Api;
  /** To be run, */
  readonly fanout: TopicFanout;
  /** and this by one instance. */
  readonly retention: Retention;
}

/** The part of App by which clients say something to each other. */
export function createMessageServices(
  { database, clock, feed }: MessageServicesOptions,
): MessageServices {
  const messages = new SqlMessageStore(database, clock);
  const sender = new MessageSender({
    store: messages,
    generateId: () => crypto.randomUUID(),
    publish: (events) => feed.emit(events),
  });
  return {
    sender,
    routes: messageRoutes({ messages, sender }),
    fanout: new TopicFanout({ feed, topics: new Set(["message"]), clock }),
    retention: new Retention({
      store: messages,
      kind: "messages",
      clock,
      maxAgeMs: RETAIN_MESSAGES_MS,
      maxCount: RETAIN_MESSAGES_COUNT,
    }),
  };
}
