import type { MiddlewareHandler } from "hono";
import type { Clock } from "../clock.ts";
import { invalidValue, tooLarge } from "../error_text.ts";
import { ProblemError, toProblemError } from "./problem.ts";

interface BodyReaderOptions {
  readonly clock: Clock;
  /** Limit of one body. */
  readonly maxBytes: number;
  /** Limit of one body. */
  readonly timeoutMs: number;
  /** Limit of all bodies in progress: anyone may send one. */
  readonly maxPendingBytes: number;
}

interface Body {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly startedAt: number;
  isTimedOut: boolean;
}

type ReadFailure = "too_large" | "too_slow" | "cut_off" | "overloaded";

const TIMEOUT_CHECK_INTERVAL_MS = 1_000;
const RETRY_AFTER_SECONDS = 30;

/** Many times the size of the largest valid JSON body. */
const JSON_LIMITS = { maxBytes: 64 * 1024, timeoutMs: 10_000, maxPendingBytes: 16 * 1024 * 1024 };

/** HTML forms cannot send it without a preflight: https://fetch.spec.whatwg.org/#cors-safelisted-request-header */
const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** Reads whole request bodies within limits. The time limit applies only between `enforceTimeout` and its disposal. */
export class BodyReader {
  readonly #options: BodyReaderOptions;
  readonly #reading = new Set<Body>();
  #pendingBytes = 0;

  constructor(options: BodyReaderOptions) {
    this.#options = options;
  }

  /** Received bytes of bodies in progress. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Cancels slow bodies until it is disposed. One timer serves all bodies, because most arrive at once. */
  enforceTimeout(): Disposable {
    const { clock } = this.#options;
    return {
      [Symbol.dispose]: clock.every(TIMEOUT_CHECK_INTERVAL_MS, () => this.#cancelSlow()),
    };
  }

  /** @throws {ProblemError} `payload_too_large`, `request_timeout`, `invalid_body` or `overloaded` */
  async read(request: Request): Promise<Uint8Array> {
    const { clock, maxBytes } = this.#options;
    if (Number(request.headers.get("content-length")) > maxBytes) throw this.#problem("too_large");
    if (!request.body) return new Uint8Array();
    const body = { reader: request.body.getReader(), startedAt: clock.now(), isTimedOut: false };
    this.#reading.add(body);
    try {
      const result = await this.#readAll(body);
      if (typeof result === "string") throw this.#problem(result);
      return result;
    } finally {
      this.#reading.delete(body);
    }
  }

  async #readAll(body: Body): Promise<Uint8Array | ReadFailure> {
    const { maxBytes, maxPendingBytes } = this.#options;
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for (;;) {
        const { value, done } = await body.reader.read();
        if (body.isTimedOut) return "too_slow";
        if (done) return concat(chunks, size);
        size += value.byteLength;
        this.#pendingBytes += value.byteLength;
        if (size > maxBytes) return "too_large";
        if (this.#pendingBytes > maxPendingBytes) return "overloaded";
        chunks.push(value);
      }
    } catch {
      return body.isTimedOut ? "too_slow" : "cut_off";
    } finally {
      this.#pendingBytes -= size;
      // Deno then discards the rest of the body; canceling a body that was read completely has no effect.
      body.reader.cancel().catch(() => {});
    }
  }

  #cancelSlow(): void {
    const startedBefore = this.#options.clock.now() - this.#options.timeoutMs;
    for (const body of this.#reading) {
      if (body.startedAt > startedBefore) continue;
      body.isTimedOut = true;
      // Ends the pending read.
      body.reader.cancel().catch(() => {});
    }
  }

  /** Closes the connection, because the rest of the body is still to come on it. */
  #problem(failure: ReadFailure): ProblemError {
    const { maxBytes, timeoutMs } = this.#options;
    const headers = { Connection: "close" };
    switch (failure) {
      case "too_large":
        return new ProblemError("payload_too_large", tooLarge("Payload", maxBytes), headers);
      case "too_slow":
        return new ProblemError(
          "request_timeout",
          `The payload did not arrive within ${timeoutMs / 1_000} s`,
          headers,
        );
      case "cut_off":
        return new ProblemError("invalid_body", "The request body was cut off", headers);
      case "overloaded":
        return toProblemError("overloaded", {
          ...headers,
          "Retry-After": String(RETRY_AFTER_SECONDS),
        });
    }
  }
}

/** Reads bodies within limits and accepts only JSON. */
export function readJsonBody(clock: Clock): MiddlewareHandler {
  const reader = new BodyReader({ clock, ...JSON_LIMITS });
  return async (context, next) => {
    const request = context.req.raw;
    const type = request.headers.get("content-type") ?? "";
    if (!JSON_TYPE.test(type)) {
      throw new ProblemError(
        "unsupported_media_type",
        invalidValue("Content-Type", type, "application/json"),
      );
    }
    const body = await reader.read(request);
    const { method, headers } = request;
    context.req.raw = new Request(request.url, { method, headers, body: body.slice() });
    await next();
  };
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = chunks;
  if (first && chunks.length === 1) return first;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
