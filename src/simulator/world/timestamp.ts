/** Formats ms since the epoch in GitHub's format: RFC 3339, UTC, whole seconds. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}
