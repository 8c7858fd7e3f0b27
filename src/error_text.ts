/**
 * The texts of errors that users see: one sentence shape per kind of error. `expected` is a noun phrase that completes
 * "expected …". No text ends with a period or contains a secret.
 */

/** `Invalid per_page "0": expected an integer from 1 to 100` */
export function invalidValue(name: string, value: unknown, expected: string): string {
  return `Invalid ${name} ${quote(value)}: expected ${expected}`;
}

/** Without the value, which is secret or too long: `Invalid SESSION_SECRET: expected at least 32 characters` */
export function invalid(name: string, expected: string): string {
  return `Invalid ${name}: expected ${expected}`;
}

/** `Missing content: expected 1 to 4000 characters` */
export function missingValue(name: string, expected: string): string {
  return `Missing ${name}: expected ${expected}`;
}

/** `Unknown parameter "statu": expected repository or status` */
export function unknownName(kind: string, name: string, expected: string): string {
  return `Unknown ${kind} ${quote(name)}: expected ${expected}`;
}

/** `Run 7 not found` */
export function notFound(kind: string, id: string | number): string {
  return `${kind} ${id} not found`;
}

/** `Permission "write" is required to POST /repositories` */
export function permissionRequired(permission: string, action: string): string {
  return `Permission ${quote(permission)} is required to ${action}`;
}

/** `Payload too large: the limit is 26214400 bytes` */
export function tooLarge(what: string, limit: number, unit = "bytes"): string {
  return `${what} too large: the limit is ${limit} ${unit}`;
}

/** `GitHub is unavailable; retry later` */
export function unavailable(what: string): string {
  return `${what} is unavailable; retry later`;
}

const DISJUNCTION = new Intl.ListFormat("en", { type: "disjunction" });

/** `queued, in_progress, or completed`; completes "expected …" */
export function anyOf(names: readonly string[]): string {
  return DISJUNCTION.format(names);
}

function quote(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : JSON.stringify(value) ?? String(value);
}
