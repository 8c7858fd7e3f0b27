import { DAY_MS, parseUtcDay } from "../clock.ts";

/** A range of time in ms since the epoch; an absent end is open. */
interface DateRange {
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly before?: number | undefined;
}

/** The accepted forms, for error messages. */
export const DATE_RANGE_FORMS =
  "A..B, A..*, *..B, >=A, >A, <=B, <B or A, where A and B are days (2026-01-31, UTC) or RFC 3339 times, A not after B";

const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** RFC 3339, section 5.6. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/**
 * Parses a range of time in the syntax of GitHub's search, both ends included; `undefined` for invalid text.
 * https://docs.github.com/en/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax
 */
export function parseDateRange(text: string): DateRange | undefined {
  const [first = "", second, ...more] = text.split("..");
  if (more.length > 0) return undefined;
  if (second !== undefined) return parseBounds(first, second);
  const [, operator = "", rest = ""] = /^([<>]=?)?(.*)$/.exec(text) ?? [];
  const time = parseTime(rest);
  if (!time) return undefined;
  switch (operator) {
    case ">=":
      return { from: time.start };
    case ">":
      return { from: time.end };
    case "<=":
      return { before: time.end };
    case "<":
      return { before: time.start };
    default:
      return { from: time.start, before: time.end };
  }
}

function parseBounds(first: string, second: string): DateRange | undefined {
  const from = first === "*" ? undefined : parseTime(first);
  const to = second === "*" ? undefined : parseTime(second);
  if ((!from && first !== "*") || (!to && second !== "*")) return undefined;
  if (from && to && from.start >= to.end) return undefined;
  return { from: from?.start, before: to?.end };
}

/** A day, or an instant as a range of 1 ms. */
function parseTime(text: string): { readonly start: number; readonly end: number } | undefined {
  if (DAY.test(text)) {
    const start = parseUtcDay(text);
    return start === undefined ? undefined : { start, end: start + DAY_MS };
  }
  if (!INSTANT.test(text) || parseUtcDay(text.slice(0, 10)) === undefined) return undefined;
  const start = Date.parse(text);
  return Number.isNaN(start) ? undefined : { start, end: start + 1 };
}
