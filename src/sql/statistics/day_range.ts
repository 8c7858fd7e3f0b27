import { DAY_MS } from "../../clock.ts";
import type { StatisticsTable } from "../tables.ts";

/** Days, both included, since 1970-01-01. */
export interface DayRange {
  readonly from: number;
  readonly to: number;
}

/** The rows of a range of days, one per day or one per month. */
export interface RowRange extends DayRange {
  readonly unit: StatisticsTable["unit"];
  /** Whether the rows are added to a sum or subtracted from it. */
  readonly sign: 1 | -1;
}

/** One row per day. */
export function toDayRows(days: DayRange): readonly RowRange[] {
  return [{ unit: "day", sign: 1, ...days }];
}

/**
 * The fewest rows that add up to all days: whole months, and at both ends either the days beyond them are added, or the days
 * outside the range are subtracted from a month.
 */
export function toMonthRows({ from, to }: DayRange): readonly RowRange[] {
  const [first, last] = [startOfMonth(from), startOfMonth(to)];
  const [second, end] = [startOfNextMonth(first), startOfNextMonth(last)];
  if (first === last && to - from < (end - first) / 2) return toDayRows({ from, to });
  const isFirstWhole = first === last || from - first <= second - from;
  const isLastWhole = first === last || end - 1 - to <= to + 1 - last;
  const months = { from: isFirstWhole ? first : second, to: isLastWhole ? last : last - 1 };
  const ranges: readonly RowRange[] = [
    { unit: "month", sign: 1, ...months },
    isFirstWhole
      ? { unit: "day", sign: -1, from: first, to: from - 1 }
      : { unit: "day", sign: 1, from, to: second - 1 },
    isLastWhole
      ? { unit: "day", sign: -1, from: to + 1, to: end - 1 }
      : { unit: "day", sign: 1, from: last, to },
  ];
  return ranges.filter((range) => range.from <= range.to);
}

/** The first day of the month of a day. Days are counted since 1970-01-01. */
export function startOfMonth(day: number): number {
  const date = new Date(day * DAY_MS);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / DAY_MS;
}

/** The first day of the next month. */
export function startOfNextMonth(day: number): number {
  // No month has more than 31 days.
  return startOfMonth(startOfMonth(day) + 31);
}

/** `2026-01-31` as a number. */
export function parseDay(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

/** `2026-01-31` */
export function formatDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** The Monday of the week of a day (ISO 8601). */
export function startOfWeek(day: number): number {
  // 1970-01-01 was a Thursday.
  return day - (day + 3) % 7;
}
