import type { Clock } from "../clock.ts";
import type { StoredEvent } from "../feed/event.ts";
import { type EventBus, type EventNotice, maxSeq } from "../feed/event_bus.ts";
import { Redis } from "./connection.ts";

/** In characters. A larger notice is sent without events; receivers then read the event log. */
const MAX_MESSAGE_LENGTH = 64 * 1024;
/** Messages waiting for Redis, in characters. Further ones are dropped. */
const MAX_PENDING_LENGTH = 8 * 1024 * 1024;

interface RedisEventBusOptions {
  /** The URL for the subscriber, which needs its own connection. */
  readonly url: string;
  /** The connection for publishing. */
  readonly publisher: Redis;
  /** The channel of the instances that share one database. */
  readonly channel: () => Promise<string>;
  /** The id of this instance, whose own notices are ignored. */
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
}

/** A notice as JSON. */
interface BusMessage {
  readonly from: string;
  readonly last: number;
  readonly events?: readonly StoredEvent[];
}

/** Publishes events to other instances by Redis pub/sub, which does not store them: a disconnected instance misses them. */
export class RedisEventBus implements EventBus {
  readonly #options: RedisEventBusOptions;
  #pendingLength = 0;

  constructor(options: RedisEventBusOptions) {
    this.#options = options;
  }

  publish(events: readonly StoredEvent[]): void {
    const { publisher, instance } = this.#options;
    if (!publisher.isReady || events.length === 0) return;
    const message: BusMessage = { from: instance, last: maxSeq(events) };
    const full = JSON.stringify({ ...message, events });
    const text = full.length < MAX_MESSAGE_LENGTH ? full : JSON.stringify(message);
    if (this.#pendingLength + text.length > MAX_PENDING_LENGTH) return;
    this.#pendingLength += text.length;
    void this.#send(text).catch(() => {}).finally(() => this.#pendingLength -= text.length);
  }

  async listen(onNotice: (notice: EventNotice) => void, signal: AbortSignal): Promise<void> {
    const { url, channel, clock, random } = this.#options;
    const subscriber = new Redis(url, {
      clock,
      random,
      onConnect: async (client) => {
        await client.subscribe(await channel(), (text) => {
          const message = this.#parse(text);
          if (message) onNotice({ lastSeq: message.last, events: message.events ?? [] });
        });
      },
    });
    await subscriber.run(signal);
  }

  async #send(text: string): Promise<void> {
    const channel = await this.#options.channel();
    await this.#options.publisher.client.publish(channel, text);
  }

  /** Returns `undefined` for notices of this instance and for invalid messages. */
  #parse(text: string): BusMessage | undefined {
    try {
      const message: unknown = JSON.parse(text);
      return isBusMessage(message) && message.from !== this.#options.instance ? message : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Checks only the fields that the feed relies on. */
function isBusMessage(value: unknown): value is BusMessage {
  if (typeof value !== "object" || value === null) return false;
  const { from, last, events = [] }: Partial<Record<keyof BusMessage, unknown>> = value;
  return typeof from === "string" && Number.isSafeInteger(last) && Array.isArray(events) &&
    events.every((event) => Number.isSafeInteger(event?.seq));
}
