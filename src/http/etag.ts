import { ifNoneMatch } from "@std/http/etag.js";
import type { Context, MiddlewareHandler } from "hono";
import { createHash } from "node:crypto";
import { StorageError } from "../errors.ts";
import type { RequestEnvironment } from "./api.ts";
import { isReadMethod } from "./origin.ts";
import type { StaleCache } from "./stale_cache.ts";

/**
 * Responds to `If-None-Match` with 304 if nothing has changed. Clients must revalidate every response before reuse, because
 * data changes at any time (RFC 9111, section 5.2.2.4). `staleCache` provides responses while the storage is unavailable.
 */
export function etag(staleCache?: StaleCache): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    await next();
    if (!isReadMethod(context.req.method)) return;
    const { headers, ok, status } = context.res;
    const body = await cacheableBody(context, staleCache);
    if (!body) return;
    const tag = `"${digest(body)}"`;
    // Without this, Hono would convert the new response to a stream.
    context.res = undefined;
    headers.set("ETag", tag);
    headers.set("Cache-Control", "private, no-cache");
    if (!ifNoneMatch(context.req.header("If-None-Match") ?? null, tag)) {
      // RFC 9110, section 15.4.5: a 304 has no headers of the body that is not sent.
      for (const name of ["Content-Type", "Content-Length"]) headers.delete(name);
      context.res = new Response(null, { status: 304, headers });
      return;
    }
    // Without this, Deno responds to HEAD with Content-Length: 0.
    if (context.req.method === "HEAD") headers.set("Content-Length", String(body.byteLength));
    context.res = new Response(body, { status: ok ? status : 200, headers });
  };
}

/** The body of a 200 response; `undefined` if the response is a problem. */
async function cacheableBody(
  { req, res, error, get }: Context<RequestEnvironment>,
  staleCache: StaleCache | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  // With sign-in configured, the response depends on what the user may see.
  const isPublic = get("principal")?.kind === "open";
  const cache = isPublic ? staleCache : undefined;
  const isStorageDown = error instanceof StorageError && error.kind === "unavailable";
  if (isStorageDown) return cache?.find(req.url, res.headers);
  if (!res.ok) return undefined;
  // Deno takes a third longer to send a stream than a whole body.
  const body = new Uint8Array(await res.arrayBuffer());
  cache?.store(req.url, body, res.headers);
  return body;
}

/** Synchronous: for bodies of this size, crypto.subtle on another thread takes ten times as long. */
function digest(body: Uint8Array): string {
  return createHash("sha1").update(body).digest("hex");
}
