/** What a client may hear of: every repository, or these, as `owner/name` in lower case. */
export type Visibility = "all" | ReadonlySet<string>;

/** Tells what a client may hear of now; at once where that never changes. */
export type VisibilityResolver = () => Visibility | Promise<Visibility>;

/** What belongs to no repository is for everybody. `repository`: in lower case. */
export function isVisible(visibility: Visibility, repository: string | null): boolean {
  return visibility === "all" || repository === null || visibility.has(repository);
}
