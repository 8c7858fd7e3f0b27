import type { SimulatedResponse } from "./api.ts";
import type { SecondaryLimit } from "./error_response.ts";

/** What goes wrong with an answer. */
export type Fault =
  /** An answer of a server in trouble; HTML (the "unicorn" page) unless JSON is asked for. */
  | { readonly kind: "status"; readonly status: number; readonly body?: "html" | "json" }
  /** Too much in a short time. */
  | { readonly kind: "secondary_limit" } & SecondaryLimit
  /** The right answer, `ms` later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** The connection is cut in the midst of the answer. */
  | { readonly kind: "cut" }
  /** 200 with a body that is cut off JSON. */
  | { readonly kind: "garbage" };

export interface FaultScope {
  /** How many requests it strikes; 1 unless told otherwise. */
  readonly requests?: number;
  /** Only those whose path with query matches; any prefix `/api/v3` is part of it. */
  readonly path?: RegExp;
}

interface QueuedFault {
  readonly fault: Fault;
  readonly path: RegExp | undefined;
  remaining: number;
}

/** What is to go wrong, in the order it was asked for; a request is struck by the first that fits. */
export class Faults {
  #queue: QueuedFault[] = [];

  add(fault: Fault, { requests = 1, path }: FaultScope = {}): void {
    this.#queue.push({ fault, path, remaining: requests });
  }

  /** Nothing more goes wrong. */
  clear(): void {
    this.#queue = [];
  }

  /** What strikes this request, if anything; it counts. */
  consume(path: string): Fault | undefined {
    const matched = this.#queue.find((queued) => !queued.path || path.search(queued.path) >= 0);
    if (!matched) return undefined;
    matched.remaining--;
    this.#queue = this.#queue.filter(({ remaining }) => remaining > 0);
    return matched.fault;
  }
}

/** The connection was cut because a test asked for it. */
export class ConnectionCut extends Error {
  override readonly name = "ConnectionCut";
}

/** The first half of a body, and then the connection breaks. */
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

/** How a server in trouble answers. */
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
