import { DAY_MS, readDay } from "../clock.ts";

/** A span of time in ms since the epoch; open where there is no end. */
export interface Span {
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly before?: number | undefined;
}

/** What can be given, for error messages. */
export const SPAN_FORMS =
  "A..B, A..*, *..B, >=A, >A, <=B, <B or A, where A and B are days (2026-01-31, UTC) or RFC 3339 times, A not after B";

const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** RFC 3339, section 5.6. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/**
 * Reads a span of time as GitHub's search has it, both ends included; `undefined` when it is none.
 * https://docs.github.com/en/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax
 */
export function readSpan(text: string): Span | undefined {
  const [first = "", second, ...more] = text.split("..");
  if (more.length > 0) return undefined;
  if (second !== undefined) return between(first, second);
  const [, sign = "", rest = ""] = /^([<>]=?)?(.*)$/.exec(text) ?? [];
  const moment = readMoment(rest);
  if (!moment) return undefined;
  switch (sign) {
    case ">=":
      return { from: moment.begin };
    case ">":
      return { from: moment.end };
    case "<=":
      return { before: moment.end };
    case "<":
      return { before: moment.begin };
    default:
      return { from: moment.begin, before: moment.end };
  }
}

function between(first: string, second: string): Span | undefined {
  const from = first === "*" ? undefined : readMoment(first);
  const to = second === "*" ? undefined : readMoment(second);
  if ((!from && first !== "*") || (!to && second !== "*")) return undefined;
  if (from && to && from.begin >= to.end) return undefined;
  return { from: from?.begin, before: to?.end };
}

/** A day, or a ms. */
function readMoment(text: string): { readonly begin: number; readonly end: number } | undefined {
  if (DAY.test(text)) {
    const begin = readDay(text);
    return begin === undefined ? undefined : { begin, end: begin + DAY_MS };
  }
  if (!INSTANT.test(text) || readDay(text.slice(0, 10)) === undefined) return undefined;
  const begin = Date.parse(text);
  return Number.isNaN(begin) ? undefined : { begin, end: begin + 1 };
}
