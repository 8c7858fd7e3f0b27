/** A repository whose readers are asked for. */
export interface RepositoryRef {
  readonly id: number;
  /** `owner/name` */
  readonly fullName: string;
}

/** Where it is known who may read what: GitHub. */
export interface AccessSource {
  /**
   * The ids of those that the holder of the token may read; under their ids, not their names.
   * @throws {LoginRefusedError} when the token is not accepted any more
   * @throws {RefusedError} when GitHub cannot be asked now
   */
  filterReadable(
    repositories: readonly RepositoryRef[],
    accessToken: string,
    signal: AbortSignal,
  ): Promise<ReadonlySet<number>>;
}

/** What a user may read, as it is kept. */
export interface CachedAccess {
  /**
   * Grows with every change of rights that we hear of, and when a repository is new or renamed: what was read under a lower
   * one is out of date.
   */
  readonly epoch: number;
  /**
   * `owner/name` in lower case, of those that may be read; checked at `since` or later. When a name has belonged to several
   * repositories, all of them must be readable, as what is kept goes by the name.
   */
  readonly readable: ReadonlySet<string>;
  /** Those that have not been checked since. */
  readonly unchecked: readonly RepositoryRef[];
  /** When the first of the others was checked; `undefined` when there are none. */
  readonly oldestCheckedAt: number | undefined;
}

/** Where it is kept what users may read. All throw StorageError. */
export interface AccessStore {
  /** `since` in ms since the epoch: what was checked before counts as unchecked. */
  load(userId: number, since: number): Promise<CachedAccess>;
  /** Keeps an answer of GitHub, unless the epoch is another one by now: then it returns `false`, and nothing is kept. */
  save(result: {
    readonly userId: number;
    readonly epoch: number;
    readonly readable: readonly number[];
    readonly unreadable: readonly number[];
    readonly checkedAt: number;
  }): Promise<boolean>;
  /** The epoch of now. */
  epoch(): Promise<number>;
}
