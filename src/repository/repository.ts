/** A repository whose workflow runs may be followed. Times are RFC 3339, as GitHub writes them. */
export interface Repository {
  readonly id: number;
  /** `owner/name` */
  readonly fullName: string;
  /** `null` when nothing was ever pushed. */
  readonly pushedAt: string | null;
}

/** Where repositories come from: GitHub. */
export interface RepositorySource {
  /**
   * The `count` most recently pushed repositories that the credential can see, latest first; fewer where
   * there are fewer.
   * @throws {RefusedError} when GitHub refuses
   */
  latestPushed(count: number, signal: AbortSignal): Promise<readonly Repository[]>;
}
