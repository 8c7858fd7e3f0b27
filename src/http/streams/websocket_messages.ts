import { type RateLimit, TokenBucket } from "../../account/rate_limiter.ts";
import type { Clock } from "../../clock.ts";
import { invalid } from "../../error_text.ts";
import { closeSlowClient, hasRoom } from "../../feed/slow_client.ts";
import { log } from "../../log.ts";
import type { MessageInput, MessageSender } from "../../message/sender.ts";
import { toErrorFields, toProblem } from "../error_handler.ts";
import { validationProblem } from "../params.ts";
import { ProblemError } from "../problem.ts";
import { NewMessageSchema } from "../routes/message.ts";
import type { Connection } from "./connection.ts";
import { CLOSE_POLICY_VIOLATION } from "./connection_metrics.ts";
import type { WatchedConnection } from "./session_monitor.ts";

/** Per client. */
const MESSAGE_RATE_LIMIT: RateLimit = { perSecond: 10, burst: 20 };

interface InboundMessagesOptions {
  readonly watched: WatchedConnection;
  readonly sender: Pick<MessageSender, "send">;
  readonly clock: Clock;
}

/**
 * Receives the messages of one client of `/ws`, one per frame. Errors are sent to this client only, as
 * `{"error":{"code","message"}}`, and the connection stays open. A client above the rate limit is disconnected.
 */
export class InboundMessages {
  readonly #connection: Connection;
  readonly #options: InboundMessagesOptions;
  readonly #bucket: TokenBucket;
  readonly #logger = log("http");

  constructor(connection: Connection, options: InboundMessagesOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#bucket = new TokenBucket(MESSAGE_RATE_LIMIT, options.clock.now());
  }

  /** Sends the message in a frame. Messages are sent in the order of their frames. */
  receive(data: string | ArrayBuffer): void {
    if (this.#bucket.consume(this.#options.clock.now()).isAllowed) return void this.#send(data);
    const { perSecond, burst } = MESSAGE_RATE_LIMIT;
    const detail =
      `Too many messages: the limit is ${perSecond} per second, with bursts of up to ${burst}`;
    this.#sendError("rate_limited", detail);
    void this.#connection.closeAfterDrain(CLOSE_POLICY_VIOLATION, detail);
  }

  async #send(data: string | ArrayBuffer): Promise<void> {
    const { sender, watched } = this.#options;
    try {
      await sender.send(parseMessage(data), watched.principal);
    } catch (error) {
      this.#reportError(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #reportError(error: Error): void {
    const problem = toProblem(error, this.#options.clock.now());
    if (problem) {
      const isBad = problem.code === "invalid_body";
      return this.#sendError(isBad ? "invalid_message" : problem.code, problem.message);
    }
    this.#logger.error("Failed to send a message from a WebSocket: {kind}", toErrorFields(error));
    this.#sendError("internal", "Internal error; see the log");
  }

  /** Disconnects a client that repeatedly sends invalid messages without reading the errors. */
  #sendError(code: string, message: string): void {
    if (!hasRoom(this.#connection)) return closeSlowClient(this.#connection);
    this.#connection.send(JSON.stringify({ error: { code, message } }));
  }
}

/** @throws {ProblemError} `invalid_body` */
function parseMessage(frame: string | ArrayBuffer): MessageInput {
  const input = parseJson(frame);
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    const fields = Object.keys(NewMessageSchema.shape).join(", ");
    throw new ProblemError(
      "invalid_body",
      invalid("frame", `a text frame with a JSON object with ${fields}`),
    );
  }
  const { data, error } = NewMessageSchema.safeParse(input);
  if (error) throw validationProblem(error, { input, isBody: true });
  return { content: data.content, userId: data.user_id };
}

/** `undefined` if the frame is not JSON. */
function parseJson(frame: string | ArrayBuffer): unknown {
  if (typeof frame !== "string") return undefined;
  try {
    return JSON.parse(frame);
  } catch {
    return undefined;
  }
}
