import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { jsonResponse, type RequestEnvironment } from "./api.ts";
import { integerParam, withDefault } from "./params.ts";

/** The last page that lists accept. */
const MAX_PAGE = 10_000;
const MAX_PER_PAGE = 100;

/** The parameters of every list. */
export const PAGE_PARAMETERS = {
  page: withDefault(integerParam({ min: 1, max: MAX_PAGE, description: "Page number" }), 1),
  per_page: withDefault(
    integerParam({ min: 1, max: MAX_PER_PAGE, description: "Items per page" }),
    30,
  ),
};

/** The fields of every list. */
export function listFields<Item extends z.ZodType>(item: Item) {
  return {
    total_count: z.int().min(0).openapi({ description: "Total items" }),
    items: z.array(item),
  };
}

/** The response of a list without further fields; `name` is the name of its schema in the document. */
export function okList<Item extends z.ZodType>(name: string, item: Item, description: string) {
  return okWithLinks(z.object(listFields(item)).openapi(name), description);
}

/** A response with a `Link` header. */
export function okWithLinks<Schema extends z.ZodType>(schema: Schema, description: string) {
  return {
    200: {
      ...jsonResponse(schema, description),
      headers: {
        Link: {
          description:
            "URLs of the pages `first`, `prev`, `next` and `last`, as far as they exist (RFC 8288)",
          schema: { type: "string" as const },
        },
      },
    },
  };
}

interface PageLinks {
  readonly page: number;
  readonly perPage: number;
  readonly total: number;
}

/** Sets `Link` as GitHub does: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
export function setPageLinks(
  context: Context<RequestEnvironment>,
  { page, perPage, total }: PageLinks,
) {
  const last = Math.max(1, Math.ceil(total / perPage));
  const pages = {
    first: page > 1 ? 1 : undefined,
    prev: page > 1 ? Math.min(page - 1, last) : undefined,
    next: page < last ? page + 1 : undefined,
    last: page < last ? last : undefined,
  };
  const url = toPublicUrl(context);
  const links = Object.entries(pages).flatMap(([name, number]) => {
    if (number === undefined) return [];
    url.searchParams.set("page", String(number));
    return [`<${url}>; rel="${name}"`];
  });
  if (links.length > 0) context.header("Link", links.join(", "));
}

/** Sets `Link` to the page before the item with this id, for lists that are read newest first. */
export function setCursorLink(context: Context<RequestEnvironment>, id: string): void {
  const url = toPublicUrl(context);
  url.searchParams.set("before", id);
  context.header("Link", `<${url}>; rel="next"`);
}

/** The URL of a request as its client sent it: a proxy may have changed the scheme and removed a path prefix. */
function toPublicUrl(context: Context<RequestEnvironment>): URL {
  const url = new URL(context.req.url);
  const publicUrl = context.get("publicUrl");
  if (publicUrl === undefined || new URL(publicUrl).host !== url.host) return url;
  return new URL(`${publicUrl.replace(/\/$/, "")}${url.pathname}${url.search}`);
}
