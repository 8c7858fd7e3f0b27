import type { Clock } from "../clock.ts";
import type { StoredEvent } from "../feed/event.ts";
import { type EventBus, type EventNotice, maxSeq } from "../feed/event_bus.ts";
import { Redis } from "./connection.ts";

/** Larger news is only a number: those who hear of it read the journal. In characters. */
const MAX_MESSAGE_LENGTH = 64 * 1024;
/** What may wait for a Redis that does not answer, in characters. */
const MAX_PENDING_LENGTH = 8 * 1024 * 1024;

export interface RedisEventBusOptions {
  /** As `Redis` takes it: what is heard comes by a connection of its own. */
  readonly url: string;
  /** What is published goes by this one. */
  readonly publisher: Redis;
  /** By which all instances over one database hear of each other, and no others. */
  readonly channel: () => Promise<string>;
  /** This instance: its own news is not heard. */
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
}

/** News as it goes over the wire. */
interface BusMessage {
  readonly from: string;
  readonly last: number;
  readonly events?: readonly StoredEvent[];
}

/** Tells instances of events by Redis' pub/sub, which keeps nothing: who is away misses them. */
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

  async listen(onNotice: (news: EventNotice) => void, signal: AbortSignal): Promise<void> {
    const { url, channel, clock, random } = this.#options;
    const subscriber = new Redis(url, {
      clock,
      random,
      onConnect: async (client) => {
        await client.subscribe(await channel(), (text) => {
          const message = this.#parse(text);
          if (message) onNotice({ last: message.last, events: message.events ?? [] });
        });
      },
    });
    await subscriber.run(signal);
  }

  async #send(text: string): Promise<void> {
    const channel = await this.#options.channel();
    await this.#options.publisher.client.publish(channel, text);
  }

  /** `undefined` for our own, and for what no instance has written. */
  #parse(text: string): BusMessage | undefined {
    try {
      const message: unknown = JSON.parse(text);
      return isBusMessage(message) && message.from !== this.#options.instance ? message : undefined;
    } catch {
      return undefined;
    }
  }
}

/** As far as the feed relies on it. */
function isBusMessage(value: unknown): value is BusMessage {
  if (typeof value !== "object" || value === null) return false;
  const { from, last, events = [] }: Partial<Record<keyof BusMessage, unknown>> = value;
  return typeof from === "string" && Number.isSafeInteger(last) && Array.isArray(events) &&
    events.every((event) => Number.isSafeInteger(event?.seq));
}
