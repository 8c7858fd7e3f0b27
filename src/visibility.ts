/** The repositories that a principal may see: all, or a set of `owner/name` in lower case. */
export type Visibility = "all" | ReadonlySet<string>;

/** Returns the current visibility of a client; synchronously where it never changes. */
export type VisibilityResolver = () => Visibility | Promise<Visibility>;

/** `repository`: `owner/name` in any case; `null` for what belongs to no repository and is visible to all. */
export function isVisible(visibility: Visibility, repository: string | null): boolean {
  return visibility === "all" || repository === null || visibility.has(repository.toLowerCase());
}
