import { type RateLimit, TokenBucket } from "../account/rate_limiter.ts";
import type { Clock } from "../clock.ts";
import { CLOSE_TOO_SLOW, MAX_BUFFERED_BYTES } from "../feed/latest_queue.ts";
import { log } from "../log.ts";
import type { MessageInput, MessageSender } from "../message/sender.ts";
import { badInput } from "./bad_input.ts";
import type { Stay } from "./caller_watch.ts";
import { CLOSE_POLICY_VIOLATION } from "./close_code.ts";
import type { Connection } from "./connection.ts";
import { placeOf, problemOf } from "./failure.ts";
import { NewMessageSchema } from "./message_schema.ts";
import { ProblemError } from "./problem.ts";

/** What one client may say. */
const ALLOWANCE: RateLimit = { perSecond: 10, burst: 20 };

export interface InboundOptions {
  readonly stay: Stay;
  readonly sender: Pick<MessageSender, "send">;
  readonly clock: Clock;
}

/**
 * What one client of `/ws` says: a message in each frame. What is wrong with one is answered to this client alone, as
 * `{"error":{"code","message"}}`, and it stays connected; one that says too much is sent away.
 */
export class Inbound {
  readonly #connection: Connection;
  readonly #options: InboundOptions;
  readonly #bucket: TokenBucket;
  readonly #logger = log("http");

  constructor(connection: Connection, options: InboundOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#bucket = new TokenBucket(ALLOWANCE, options.clock.now());
  }

  /** Takes a frame. Messages are sent in the order in which they come. */
  receive(data: string | ArrayBuffer): void {
    if (this.#bucket.consume(this.#options.clock.now()).isAllowed) return void this.#send(data);
    const { perSecond, burst } = ALLOWANCE;
    const words = `${perSecond} messages a second are allowed, and ${burst} at once`;
    this.#refuse("throttled", `Cannot take so much: ${words}`);
    void this.#connection.dismiss(CLOSE_POLICY_VIOLATION, words);
  }

  async #send(data: string | ArrayBuffer): Promise<void> {
    const { sender, stay } = this.#options;
    try {
      await sender.send(draftOf(data), stay.caller);
    } catch (error) {
      this.#explain(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #explain(error: Error): void {
    const problem = problemOf(error, this.#options.clock.now());
    if (problem) {
      const isBad = problem.code === "bad_body";
      return this.#refuse(isBad ? "bad_message" : problem.code, problem.message);
    }
    this.#logger.error("A message of a WebSocket failed: {kind}", placeOf(error));
    this.#refuse("internal", "Cannot take the message: look in the log");
  }

  /** Who reads nothing, and goes on saying what is wrong, is told no more. */
  #refuse(code: string, message: string): void {
    if (this.#connection.bufferedAmount > MAX_BUFFERED_BYTES) {
      return this.#connection.close(CLOSE_TOO_SLOW, "The client reads too slowly");
    }
    this.#connection.send(JSON.stringify({ error: { code, message } }));
  }
}

/** @throws {ProblemError} `bad_body` */
function draftOf(frame: string | ArrayBuffer): MessageInput {
  const given = jsonOf(frame);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const fields = Object.keys(NewMessageSchema.shape).join(", ");
    throw new ProblemError(
      "bad_body",
      `Cannot read the frame: allowed is text, a JSON object with ${fields}`,
    );
  }
  const { data, error } = NewMessageSchema.safeParse(given);
  if (error) throw badInput(error, { given, isBody: true });
  return { content: data.content, userId: data.user_id };
}

/** `undefined` where it is none. */
function jsonOf(frame: string | ArrayBuffer): unknown {
  if (typeof frame !== "string") return undefined;
  try {
    return JSON.parse(frame);
  } catch {
    return undefined;
  }
}
