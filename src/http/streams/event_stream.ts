import {
  type ServerSentEventMessage,
  ServerSentEventStream,
} from "@std/http/server_sent_event_stream.js";
import { TokenRejectedError } from "../../account/oauth_provider.ts";
import type { Visibility } from "../../visibility.ts";
import type { Clock } from "../../clock.ts";
import { toErrorMessage } from "../../errors.ts";
import type { Feed } from "../../feed/feed.ts";
import type { Subscription } from "../../feed/subscription.ts";
import { CLOSE_TOO_SLOW, SlowClientTimer } from "../../feed/slow_client.ts";
import { log } from "../../log.ts";
import { CLOSE_GOING_AWAY, CLOSE_INTERNAL_ERROR, CLOSE_POLICY_VIOLATION } from "./close_code.ts";
import type { EventQuery } from "./stream_params.ts";
import { retryVisibility } from "./visibility_retry.ts";
import type { ConnectionMetrics } from "./connection_metrics.ts";

/** How soon an EventSource connects again. */
const RETRY_MS = 2_000;

export interface EventStreamOptions {
  readonly feed: Feed;
  readonly clock: Clock;
  /** What the client may see now. */
  readonly currentVisibility: () => Visibility | Promise<Visibility>;
  /** The full snapshot that follows a gap; `undefined` where there is none. */
  readonly snapshot: (currentVisibility: Visibility) => Promise<string | undefined>;
  /** A comment is sent after so long a silence. */
  readonly heartbeatMs: number;
  /** Told of what is sent, and of the end. */
  readonly traffic: ConnectionMetrics;
  /** Told once, when the stream has ended for whatever reason. */
  readonly onEnd: () => void;
}

/**
 * The events of one client, as text/event-stream. Each is made when the client has read the one before, so one that is slow
 * costs nothing; one that is slow for too long is cut.
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

  /** Ends the stream in good order: the client connects again. `code`: why, as one would close a WebSocket. */
  end(code: number): void {
    if (this.#ended.signal.aborted) return;
    this.#controller?.close();
    this.#finish(code);
  }

  /** Called every now and then: sends a heartbeat when it is time, or cuts a client that does not read. */
  tick(): void {
    const now = this.#options.clock.now();
    if (this.#slowTimer.isRunning) {
      if (!this.#slowTimer.isExpired(now)) return;
      this.#logger.info("Cut an event stream whose client reads too slowly");
      this.end(CLOSE_TOO_SLOW);
    } else if (now - this.#sentAt >= this.#options.heartbeatMs) this.#sendHeartbeat(now);
  }

  /** Tells the number too when events have passed that the client does not want, so that it need not go back to them. */
  #sendHeartbeat(now: number): void {
    if ((this.#controller?.desiredSize ?? 0) <= 0) return;
    const { lastSeq: lastSeq = 0 } = this.#subscription ?? {};
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
      if (value.data !== undefined) this.#options.traffic.sent(value.data);
      this.#lastId = value.id ?? this.#lastId;
      this.#sentAt = this.#options.clock.now();
      this.#slowTimer.start(this.#sentAt);
    } catch (error) {
      if (error instanceof TokenRejectedError) return this.end(CLOSE_POLICY_VIOLATION);
      this.#logger.warning("Cannot go on telling events: {reason}", {
        reason: toErrorMessage(error),
      });
      this.end(CLOSE_INTERNAL_ERROR);
    }
  }

  #finish(code?: number): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#options.traffic.ended(code);
    this.#options.onEnd();
  }

  async *#read(query: EventQuery): AsyncGenerator<ServerSentEventMessage, void, void> {
    const { feed, clock, currentVisibility, snapshot } = this.#options;
    const { signal } = this.#ended;
    const visibility = retryVisibility(currentVisibility, { clock, signal });
    yield { retry: RETRY_MS };
    const subscription = await feed.subscribe({ ...query, visibility, signal });
    this.#subscription = subscription;
    // A client that loses its connection before the first event comes back to where it began.
    yield { id: subscription.lastSeq };
    for await (const batch of subscription) {
      if ("gap" in batch) {
        const { since, first, last } = batch.gap;
        yield { event: "gap", data: JSON.stringify({ since, first, last }) };
        const current = await snapshot(await visibility());
        yield current === undefined ? { id: last } : { event: "snapshot", data: current, id: last };
      } else {
        for (const { seq, type, json } of batch.events) yield { event: type, data: json, id: seq };
      }
    }
  }
}
