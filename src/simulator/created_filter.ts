const DAY_MS = 24 * 60 * 60 * 1_000;
const SECOND_MS = 1_000;
const TIME = String.raw`\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))?`;
const COMPARISON = new RegExp(`^(>=|<=|>|<|)(${TIME})$`);
const RANGE = new RegExp(String.raw`^(${TIME}|\*)\.\.(${TIME}|\*)$`);

/** Whether a creation time, in ms since the epoch, matches. */
export type CreatedFilter = (ms: number) => boolean;

/**
 * Parses the parameter `created`: a day (UTC) or a second, an open or closed range of them, or a comparison; `undefined` if
 * it is invalid.
 * https://docs.github.com/en/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax#query-for-dates
 */
export function parseCreatedFilter(text: string): CreatedFilter | undefined {
  const [, operator, time] = COMPARISON.exec(text) ?? [];
  if (time !== undefined) {
    const { from, to } = toRange(time);
    if (operator === ">=") return (ms) => ms >= from;
    if (operator === ">") return (ms) => ms >= to;
    if (operator === "<=") return (ms) => ms < to;
    if (operator === "<") return (ms) => ms < from;
    return (ms) => ms >= from && ms < to;
  }
  const [, first, last] = RANGE.exec(text) ?? [];
  if (first === undefined || last === undefined) return undefined;
  const from = first === "*" ? -Infinity : toRange(first).from;
  const to = last === "*" ? Infinity : toRange(last).to;
  return (ms) => ms >= from && ms < to;
}

/** The day or second as a range with an exclusive end. */
function toRange(time: string): { readonly from: number; readonly to: number } {
  const from = Date.parse(time);
  return { from, to: from + (time.includes("T") ? SECOND_MS : DAY_MS) };
}
