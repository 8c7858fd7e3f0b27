import type { Answer } from "./api.ts";
import type { SecondaryLimit } from "./refusal.ts";

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

interface Waiting {
  readonly fault: Fault;
  readonly path: RegExp | undefined;
  left: number;
}

/** What is to go wrong, in the order it was asked for; a request is struck by the first that fits. */
export class Faults {
  #waiting: Waiting[] = [];

  add(fault: Fault, { requests = 1, path }: FaultScope = {}): void {
    this.#waiting.push({ fault, path, left: requests });
  }

  /** Nothing more goes wrong. */
  clear(): void {
    this.#waiting = [];
  }

  /** What strikes this request, if anything; it counts. */
  take(path: string): Fault | undefined {
    const struck = this.#waiting.find((waiting) => !waiting.path || path.search(waiting.path) >= 0);
    if (!struck) return undefined;
    struck.left--;
    this.#waiting = this.#waiting.filter(({ left }) => left > 0);
    return struck.fault;
  }
}

/** The connection was cut because a test asked for it. */
export class ConnectionCut extends Error {
  override readonly name = "ConnectionCut";
}

/** The first half of a body, and then the connection breaks. */
export function cutOff(body: string | null): ReadableStream<Uint8Array> {
  const half = new TextEncoder().encode(body?.slice(0, body.length / 2) || "{");
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) return controller.error(new ConnectionCut("Cut on demand"));
      sent = true;
      controller.enqueue(half);
    },
  });
}

/** How a server in trouble answers. */
export function serverError({ status, body = "html" }: Extract<Fault, { kind: "status" }>): Answer {
  const json = body === "json";
  return {
    status,
    headers: {
      "content-type": json ? "application/json; charset=utf-8" : "text/html; charset=utf-8",
    },
    body: json ? JSON.stringify({ message: "Server Error" }) : UNICORN,
    spent: false,
  };
}

const UNICORN = `<!DOCTYPE html>
<html>
<head><title>Unicorn! &middot; GitHub</title></head>
<body><p><strong>We had issues producing the response to your request.</strong></p>
<p>Sorry about that. Please try refreshing and contact us if the problem persists.</p></body>
</html>
`;
