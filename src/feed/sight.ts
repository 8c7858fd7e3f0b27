/** What a client may hear of: every repository, or these, as `owner/name` in lower case. */
export type Sight = "all" | ReadonlySet<string>;

/** Tells what a client may hear of now; at once where that never changes. */
export type Look = () => Sight | Promise<Sight>;

/** What belongs to no repository is for everybody. `repository`: in lower case. */
export function isInSight(sight: Sight, repository: string | null): boolean {
  return sight === "all" || repository === null || sight.has(repository);
}
