import type { RequestContext } from "./request_context.ts";

const DEFAULT_PER_PAGE = 30;
const MAX_PER_PAGE = 100;

export interface Page<T> {
  readonly items: readonly T[];
  /** The `Link` header; empty if there is only one page. */
  readonly link: Readonly<Record<string, string>>;
}

/** The requested page: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
export function paginate<T>(items: readonly T[], c: RequestContext): Page<T> {
  const url = toPublicUrl(c);
  const perPage = parsePerPage(url);
  const page = parsePositiveInteger(url.searchParams.get("page")) ?? 1;
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const links: string[] = [];
  const add = (rel: string, number: number) =>
    links.push(`<${setParameter(url, "page", String(number))}>; rel="${rel}"`);
  if (page > 1) add("prev", Math.min(page - 1, last));
  if (page < last) add("next", page + 1);
  if (page < last) add("last", last);
  if (page > 1) add("first", 1);
  return {
    items: items.slice((page - 1) * perPage, page * perPage),
    link: links.length > 0 ? { link: links.join(", ") } : {},
  };
}

/** A page after `cursor`, for lists that grow at their head; links only to the next page. */
export function paginateByCursor<T extends { readonly id: bigint }>(
  items: readonly T[],
  c: RequestContext,
): Page<T> {
  const url = toPublicUrl(c);
  const cursor = url.searchParams.get("cursor")?.match(/^v1_(\d+)$/)?.[1];
  const after = cursor === undefined ? items : items.filter(({ id }) => id < BigInt(cursor));
  const page = after.slice(0, parsePerPage(url));
  const last = page.at(-1);
  const isEnd = last === undefined || page.length === after.length;
  if (isEnd) return { items: page, link: {} };
  const next = setParameter(url, "cursor", `v1_${last.id}`);
  return { items: page, link: { link: `<${next}>; rel="next"` } };
}

/** The request URL with the public origin. */
function toPublicUrl(c: RequestContext): URL {
  const { pathname, search } = new URL(c.req.url);
  return new URL(pathname + search, c.env.origin.html);
}

function parsePerPage(url: URL): number {
  const requested = parsePositiveInteger(url.searchParams.get("per_page")) ?? DEFAULT_PER_PAGE;
  return Math.min(requested, MAX_PER_PAGE);
}

function setParameter(url: URL, name: string, value: string): string {
  const result = new URL(url);
  result.searchParams.set(name, value);
  return result.href;
}

/** `undefined` if it is not an integer of at least 1. */
function parsePositiveInteger(text: string | null): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number >= 1 ? number : undefined;
}
