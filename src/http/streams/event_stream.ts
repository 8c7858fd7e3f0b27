import {
  type ServerSentEventMessage,
  ServerSentEventStream,
} from "@std/http/server_sent_event_stream.js";
import { TokenRejectedError } from "../../account/oauth_provider.ts";
import type { Clock } from "../../clock.ts";
import { toErrorMessage } from "../../errors.ts";
import type { Feed } from "../../feed/feed.ts";
import { CLOSE_TOO_SLOW, SlowClientTimer } from "../../feed/slow_client.ts";
import type { Subscription } from "../../feed/subscription.ts";
import { log } from "../../log.ts";
import type { Visibility } from "../../visibility.ts";
import {
  CLOSE_GOING_AWAY,
  CLOSE_INTERNAL_ERROR,
  CLOSE_POLICY_VIOLATION,
  type ConnectionMetrics,
} from "./connection_metrics.ts";
import type { EventQuery } from "./stream_params.ts";
import { retryVisibility } from "./visibility_retry.ts";

/** Reconnection delay of an EventSource. */
const RETRY_MS = 2_000;

interface EventStreamOptions {
  readonly feed: Feed;
  readonly clock: Clock;
  readonly currentVisibility: () => Visibility | Promise<Visibility>;
  /** The full snapshot after a gap; `undefined` before the first poll. */
  readonly encodeSnapshot: (visibility: Visibility) => Promise<string | undefined>;
  /** Silence after which a comment is sent. */
  readonly heartbeatMs: number;
  readonly metrics: ConnectionMetrics;
  /** Called once when the stream ends. */
  readonly onEnd: () => void;
}

/**
 * The events of one client, as text/event-stream. An event is encoded when the client has read the previous one, so a slow
 * client uses no memory. A client that is slow for too long is disconnected.
 */
export class EventStream {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #options: EventStreamOptions;
  readonly #logger = log("http");
  readonly #ended = new AbortController();
  readonly #messages: AsyncGenerator<ServerSentEventMessage, void, void>;
  #controller: ReadableStreamDefaultController<ServerSentEventMessage> | undefined;
  #subscription: Subscription | undefined;
  #lastId = 0;
  #sentAt: number;
  /** Runs while a message is unread. */
  readonly #slowTimer = new SlowClientTimer();

  constructor(query: EventQuery, options: EventStreamOptions) {
    this.#options = options;
    this.#sentAt = options.clock.now();
    this.#messages = this.#read(query);
    this.body = new ReadableStream<ServerSentEventMessage>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => this.#finish(),
    }).pipeThrough(new ServerSentEventStream());
  }

  /** Ends the stream so that the client reconnects. `code` is the WebSocket close code with the same meaning. */
  end(code: number): void {
    if (this.#ended.signal.aborted) return;
    this.#controller?.close();
    this.#finish(code);
  }

  /** Sends a heartbeat if it is due, and ends the stream of a slow client. Called periodically. */
  tick(): void {
    const now = this.#options.clock.now();
    if (this.#slowTimer.isRunning) {
      if (!this.#slowTimer.isExpired(now)) return;
      this.#logger.info("Closed the event stream of a slow client");
      this.end(CLOSE_TOO_SLOW);
    } else if (now - this.#sentAt >= this.#options.heartbeatMs) this.#sendHeartbeat(now);
  }

  /** Includes the current sequence number if it has advanced past filtered events, so that a reconnect does not replay them. */
  #sendHeartbeat(now: number): void {
    if ((this.#controller?.desiredSize ?? 0) <= 0) return;
    const { lastSeq = 0 } = this.#subscription ?? {};
    const hasAdvanced = lastSeq > this.#lastId;
    this.#controller?.enqueue({ comment: " heartbeat", ...(hasAdvanced ? { id: lastSeq } : {}) });
    if (hasAdvanced) this.#lastId = lastSeq;
    this.#sentAt = now;
  }

  async #pull(): Promise<void> {
    this.#slowTimer.stop();
    try {
      const { value, done } = await this.#messages.next();
      if (this.#ended.signal.aborted) return;
      if (done) return this.end(CLOSE_GOING_AWAY);
      this.#controller?.enqueue(value);
      if (value.data !== undefined) this.#options.metrics.countSent(value.data);
      this.#lastId = value.id ?? this.#lastId;
      this.#sentAt = this.#options.clock.now();
      this.#slowTimer.start(this.#sentAt);
    } catch (error) {
      if (error instanceof TokenRejectedError) return this.end(CLOSE_POLICY_VIOLATION);
      this.#logger.warning("Failed to read events; closing the stream: {reason}", {
        reason: toErrorMessage(error),
      });
      this.end(CLOSE_INTERNAL_ERROR);
    }
  }

  #finish(code?: number): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#options.metrics.countClosed(code);
    this.#options.onEnd();
  }

  async *#read(query: EventQuery): AsyncGenerator<ServerSentEventMessage, void, void> {
    const { feed, clock, currentVisibility, encodeSnapshot } = this.#options;
    const { signal } = this.#ended;
    const visibility = retryVisibility(currentVisibility, { clock, signal });
    yield { retry: RETRY_MS };
    const subscription = await feed.subscribe({ ...query, visibility, signal });
    this.#subscription = subscription;
    // A client that disconnects before the first event resumes at its starting position.
    yield { id: subscription.lastSeq };
    for await (const batch of subscription) {
      if ("gap" in batch) {
        const { since, first, last } = batch.gap;
        yield { event: "gap", data: JSON.stringify({ since, first, last }) };
        const current = await encodeSnapshot(await visibility());
        yield current === undefined ? { id: last } : { event: "snapshot", data: current, id: last };
      } else {
        for (const { seq, type, json } of batch.events) yield { event: type, data: json, id: seq };
      }
    }
  }
}
