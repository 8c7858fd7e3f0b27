import { z } from "@hono/zod-openapi";

export const Timestamp = z.iso.datetime().openapi({ example: "2026-01-01T12:00:00.000Z" });

/** A time as GitHub writes it. */
export const GitHubTimestamp = z.string().openapi({
  format: "date-time",
  example: "2026-01-31T09:00:00Z",
});

/** `ms` since the epoch as RFC 3339; `null` for `null`. */
export function toTimestamp<Ms extends number | null>(
  ms: Ms,
): Ms extends number ? string : string | null;
export function toTimestamp(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
