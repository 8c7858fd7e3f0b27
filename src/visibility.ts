/** The repositories that somebody may see: every one, or these, as `owner/name` in lower case. */
export type Visibility = "all" | ReadonlySet<string>;

/** `repository`: `owner/name` in any case; `null` is for what belongs to none, and is for everybody. */
export function isVisible(visibility: Visibility, repository: string | null): boolean {
  return visibility === "all" || repository === null || visibility.has(repository.toLowerCase());
}
