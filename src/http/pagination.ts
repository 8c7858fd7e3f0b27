import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { RequestEnvironment } from "./api.ts";
import { integerParam, withDefault } from "./query.ts";

/** No list is read beyond its 10,000th page. */
const MAX_PAGE = 10_000;
const MAX_PER_PAGE = 100;

/** The parameters of every list. */
export const PAGE_PARAMETERS = {
  page: withDefault(integerParam({ min: 1, max: MAX_PAGE, description: "Which page" }), 1),
  per_page: withDefault(
    integerParam({ min: 1, max: MAX_PER_PAGE, description: "Items on a page" }),
    30,
  ),
};

/** The body of a list. */
export function listSchema<Item extends z.ZodType>(item: Item) {
  return z.object({
    total_count: z.int().min(0).openapi({ description: "Items on all pages" }),
    items: z.array(item),
  });
}

/** Says in the document that there is a `Link`. */
export const LINK_HEADER = {
  headers: {
    Link: {
      description:
        "The pages beside this one, as far as there are any: `first`, `prev`, `next`, `last` (RFC 8288)",
      schema: { type: "string" as const },
    },
  },
};

export interface PageLinks {
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

/** Sets `Link` to those that come before the item of that id, in a list that is read from its end. */
export function setCursorLink(context: Context<RequestEnvironment>, id: string): void {
  const url = toPublicUrl(context);
  url.searchParams.set("before", id);
  context.header("Link", `<${url}>; rel="next"`);
}

/** The URL of a request as its client knows it: behind a proxy we see neither its scheme nor the path before ours. */
function toPublicUrl(context: Context<RequestEnvironment>): URL {
  const url = new URL(context.req.url);
  const publicUrl = context.get("publicUrl");
  if (publicUrl === undefined || new URL(publicUrl).host !== url.host) return url;
  return new URL(`${publicUrl.replace(/\/$/, "")}${url.pathname}${url.search}`);
}
