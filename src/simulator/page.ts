const DEFAULT_PER_PAGE = 30;
const MAX_PER_PAGE = 100;

export interface Page<T> {
  readonly items: readonly T[];
  /** The `Link` header, or nothing when everything is on this page. */
  readonly link: string | undefined;
}

/** The page that `url` asks for: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
export function pageOf<T>(items: readonly T[], url: URL): Page<T> {
  const perPage = Math.min(
    wholeNumber(url.searchParams.get("per_page")) ?? DEFAULT_PER_PAGE,
    MAX_PER_PAGE,
  );
  const page = wholeNumber(url.searchParams.get("page")) ?? 1;
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const links: string[] = [];
  const add = (rel: string, number: number) =>
    links.push(`<${withPage(url, number)}>; rel="${rel}"`);
  if (page > 1) add("prev", Math.min(page - 1, last));
  if (page < last) add("next", page + 1);
  if (page < last) add("last", last);
  if (page > 1) add("first", 1);
  return {
    items: items.slice((page - 1) * perPage, page * perPage),
    link: links.length > 0 ? links.join(", ") : undefined,
  };
}

function withPage(url: URL, page: number): string {
  const other = new URL(url);
  other.searchParams.set("page", String(page));
  return other.href;
}

/** From 1; nothing when it is no such number. */
function wholeNumber(text: string | null): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number >= 1 ? number : undefined;
}
