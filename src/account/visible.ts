/** The repositories that somebody may see: every one, or these, as `owner/name` in lower case. */
export type Visible = "all" | ReadonlySet<string>;

/** `repository`: `owner/name` in any case; `null` is for what belongs to none, and is for everybody. */
export function isVisible(visible: Visible, repository: string | null): boolean {
  return visible === "all" || repository === null || visible.has(repository.toLowerCase());
}
