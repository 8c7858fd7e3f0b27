import { DAY_MS } from "../clock.ts";
import { firstOfMonth } from "./statistics_row.ts";
import type { StatisticsTable } from "./tables.ts";

/** Days, both included, since 1970-01-01. */
export interface Days {
  readonly from: number;
  readonly to: number;
}

/** The rows of some days: of each day, or of each month. */
export interface Span extends Days {
  readonly unit: StatisticsTable["unit"];
  /** Whether they are added to a sum, or taken off. */
  readonly times: 1 | -1;
}

/** The days one by one. */
export function byDay(days: Days): readonly Span[] {
  return [{ unit: "day", times: 1, ...days }];
}

/**
 * The rows that make up all days, as few as there can be: at both ends either days are added to the months between, or those
 * that do not belong to it are taken off a month.
 */
export function byMonth({ from, to }: Days): readonly Span[] {
  const [first, last] = [firstOfMonth(from), firstOfMonth(to)];
  const [second, end] = [nextMonth(first), nextMonth(last)];
  if (first === last && to - from < (end - first) / 2) return byDay({ from, to });
  const takesFirst = first === last || from - first <= second - from;
  const takesLast = first === last || end - 1 - to <= to + 1 - last;
  const months = { from: takesFirst ? first : second, to: takesLast ? last : last - 1 };
  const spans: readonly Span[] = [
    { unit: "month", times: 1, ...months },
    takesFirst
      ? { unit: "day", times: -1, from: first, to: from - 1 }
      : { unit: "day", times: 1, from, to: second - 1 },
    takesLast
      ? { unit: "day", times: -1, from: to + 1, to: end - 1 }
      : { unit: "day", times: 1, from: last, to },
  ];
  return spans.filter((span) => span.from <= span.to);
}

/** The first of the month after. */
export function nextMonth(day: number): number {
  // No month has more days.
  return firstOfMonth(firstOfMonth(day) + 31);
}

/** `2026-01-31` as a number. */
export function dayOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

/** `2026-01-31` */
export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** The Monday that a day's week begins with (ISO 8601). */
export function mondayOf(day: number): number {
  // 1970-01-01 was a Thursday.
  return day - (day + 3) % 7;
}
