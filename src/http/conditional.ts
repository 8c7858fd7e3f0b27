import type { MiddlewareHandler } from "hono";
import { etag, RETAINED_304_HEADERS } from "hono/etag";
import { createHash } from "node:crypto";

const RETAINED_HEADERS = [...RETAINED_304_HEADERS, "link", "x-request-id"];

/**
 * Answers `If-None-Match` with 304 where nothing has changed. Every answer is to be asked for again before it is used: what
 * is told here changes at any time (RFC 9111, section 5.2.2.4).
 */
export function conditional(): MiddlewareHandler {
  const answer = etag({ retainedHeaders: RETAINED_HEADERS, generateDigest: digest });
  return (context, next) =>
    answer(context, async () => {
      await next();
      if (!context.res.ok) return;
      context.header("Cache-Control", "private, no-cache");
      if (context.req.method !== "HEAD") return;
      // Otherwise Deno tells the length of what it sends: 0.
      const { byteLength } = await context.res.clone().arrayBuffer();
      context.header("Content-Length", String(byteLength));
    });
}

/** At once: what crypto.subtle does on another thread takes ten times as long for an answer of ours. */
function digest(body: Uint8Array): ArrayBuffer {
  return new Uint8Array(createHash("sha1").update(body).digest()).buffer;
}
