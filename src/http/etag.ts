import { ifNoneMatch } from "@std/http/etag.js";
import type { Context, MiddlewareHandler } from "hono";
import { createHash } from "node:crypto";
import { StorageError } from "../errors.ts";
import type { RequestEnvironment } from "./api.ts";
import type { StaleCache } from "./stale_cache.ts";
import { isReadMethod } from "./origin.ts";

/**
 * Answers `If-None-Match` with 304 where nothing has changed. Every answer is to be asked for again before it is used: what
 * is told here changes at any time (RFC 9111, section 5.2.2.4). While the storage is away `last` gives its answer again.
 */
export function etag(staleCache?: StaleCache): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    await next();
    if (!isReadMethod(context.req.method)) return;
    const { headers, ok, status } = context.res;
    const body = await cacheableBody(context, staleCache);
    if (!body) return;
    const tag = `"${digest(body)}"`;
    // Otherwise Hono makes a stream of what takes its place.
    context.res = undefined;
    headers.set("ETag", tag);
    headers.set("Cache-Control", "private, no-cache");
    if (!ifNoneMatch(context.req.header("If-None-Match") ?? null, tag)) {
      // RFC 9110, section 15.4.5: nothing is told of a body that is not sent.
      for (const name of ["Content-Type", "Content-Length"]) headers.delete(name);
      context.res = new Response(null, { status: 304, headers });
      return;
    }
    // Otherwise Deno tells of a HEAD the length of what it sends: 0.
    if (context.req.method === "HEAD") headers.set("Content-Length", String(body.byteLength));
    context.res = new Response(body, { status: ok ? status : 200, headers });
  };
}

/** What to answer with 200; `undefined` where the answer is a problem. */
async function cacheableBody(
  { req, res, error, get }: Context<RequestEnvironment>,
  staleCache: StaleCache | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  // Where a login is configured, it is also for each user what may be seen.
  const isPublic = get("principal")?.kind === "open";
  const cache = isPublic ? staleCache : undefined;
  const isStorageDown = error instanceof StorageError && error.kind === "unavailable";
  if (isStorageDown) return cache?.find(req.url, res.headers);
  if (!res.ok) return undefined;
  // All of it at once: an answer that is a stream takes Deno a third longer to send.
  const body = new Uint8Array(await res.arrayBuffer());
  cache?.store(req.url, body, res.headers);
  return body;
}

/** At once: what crypto.subtle does on another thread takes ten times as long for an answer of ours. */
function digest(body: Uint8Array): string {
  return createHash("sha1").update(body).digest("hex");
}
