import type { SimulatedResponse } from "./api.ts";
import type { SecondaryLimit } from "./error_response.ts";

/** A fault of one response. */
export type Fault =
  /** A server error; by default HTML (the "unicorn" page). */
  | { readonly kind: "status"; readonly status: number; readonly body?: "html" | "json" }
  /** A secondary rate limit. */
  | { readonly kind: "secondary_limit" } & SecondaryLimit
  /** The correct response, `ms` later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** The connection is cut in the middle of the response. */
  | { readonly kind: "cut" }
  /** 200 with truncated JSON. */
  | { readonly kind: "garbage" };

export interface FaultScope {
  /** Number of affected requests, default 1. */
  readonly requests?: number;
  /** Matched against path and query, including a prefix `/api/v3`. */
  readonly path?: RegExp;
}

interface QueuedFault {
  readonly fault: Fault;
  readonly path: RegExp | undefined;
  remaining: number;
}

/** Scheduled faults, in order; the first matching one applies to a request. */
export class Faults {
  #queue: QueuedFault[] = [];

  add(fault: Fault, { requests = 1, path }: FaultScope = {}): void {
    this.#queue.push({ fault, path, remaining: requests });
  }

  clear(): void {
    this.#queue = [];
  }

  /** Returns and consumes the fault of a request, if any. */
  consume(path: string): Fault | undefined {
    const matched = this.#queue.find((queued) => !queued.path || path.search(queued.path) >= 0);
    if (!matched) return undefined;
    matched.remaining--;
    this.#queue = this.#queue.filter(({ remaining }) => remaining > 0);
    return matched.fault;
  }
}

/** The connection was cut by a fault. */
export class ConnectionCut extends Error {
  override readonly name = "ConnectionCut";
}

/** The first half of a body, then a broken connection. */
export function truncateBody(body: string | null): ReadableStream<Uint8Array> {
  const half = new TextEncoder().encode(body?.slice(0, body.length / 2) || "{");
  let isSent = false;
  return new ReadableStream({
    pull(controller) {
      if (isSent) return controller.error(new ConnectionCut("Cut on demand"));
      isSent = true;
      controller.enqueue(half);
    },
  });
}

export function serverError(
  { status, body = "html" }: Extract<Fault, { kind: "status" }>,
): SimulatedResponse {
  const isJson = body === "json";
  return {
    status,
    headers: {
      "content-type": isJson ? "application/json; charset=utf-8" : "text/html; charset=utf-8",
    },
    body: isJson ? JSON.stringify({ message: "Server Error" }) : UNICORN,
    isCharged: false,
  };
}

const UNICORN = `<!DOCTYPE html>
<html>
<head><title>Unicorn! &middot; GitHub</title></head>
<body><p><strong>We had issues producing the response to your request.</strong></p>
<p>Sorry about that. Please try refreshing and contact us if the problem persists.</p></body>
</html>
`;
