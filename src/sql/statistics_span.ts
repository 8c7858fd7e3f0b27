import { DAY_MS, firstOfMonth } from "./statistics_row.ts";
import type { StatisticsTable } from "./tables.ts";

/** Days, both included, since 1970-01-01. */
export interface Days {
  readonly from: number;
  readonly to: number;
}

/** The rows of some days: of months that lie within by month. */
export interface Span extends Days {
  readonly unit: StatisticsTable["unit"];
}

/** The days one by one. */
export function byDay(days: Days): readonly Span[] {
  return [{ unit: "day", ...days }];
}

/** The rows that add up to all days, as few as there can be. */
export function byMonth({ from, to }: Days): readonly Span[] {
  const first = from === firstOfMonth(from) ? from : nextMonth(from);
  const end = firstOfMonth(to + 1);
  if (first >= end) return byDay({ from, to });
  const spans: readonly Span[] = [
    { unit: "day", from, to: first - 1 },
    { unit: "month", from: first, to: end - 1 },
    { unit: "day", from: end, to },
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
