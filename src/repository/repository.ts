import type { StoredEvent } from "../feed/event.ts";

/** A repository whose workflow runs may be followed. Times are RFC 3339, as GitHub writes them. */
export interface Repository {
  readonly id: number;
  /** `owner/name` */
  readonly fullName: string;
  /** `null` when nothing was ever pushed. */
  readonly pushedAt: string | null;
  /** This and what follows is left out where GitHub did not tell it. */
  readonly isPrivate?: boolean;
  readonly defaultBranch?: string;
  readonly htmlUrl?: string;
}

/** A workflow of a repository, as GitHub lists it. */
export interface Workflow {
  readonly id: number;
  readonly name: string;
  /** For example `.github/workflows/ci.yml` */
  readonly path: string;
  /** GitHub's word, for example `active` or `disabled_manually`. */
  readonly state: string;
  readonly htmlUrl: string;
}

/** Where repositories are kept. */
export interface RepositoryStore {
  /**
   * Keeps repositories as they are now; a `pushedAt` never moves back. Returns the events that tell what has changed, kept
   * in the same transaction.
   */
  upsert(repositories: readonly Repository[]): Promise<readonly StoredEvent[]>;
  /** Marks repositories as gone; their history stays. */
  markRemoved(ids: readonly number[]): Promise<readonly StoredEvent[]>;
  /** The `count` most recently pushed that are not gone, latest first. */
  listRecentlyPushed(count: number): Promise<readonly Repository[]>;
}

/** Where a repository can be looked up: GitHub. */
export interface RepositoryLookup {
  /**
   * The repository of that name, or that once had it; it tells the name that it has now.
   * @throws {RefusedError} `missing` when there is none, or this credential may not see it
   */
  findByName(fullName: string, signal: AbortSignal): Promise<Repository>;
}

/** Where workflows come from: GitHub. */
export interface WorkflowSource {
  /**
   * All workflows of a repository.
   * @throws {RefusedError} when GitHub refuses
   */
  listWorkflows(fullName: string, signal: AbortSignal): Promise<readonly Workflow[]>;
}

/** Where repositories come from: GitHub. */
export interface RepositorySource {
  /**
   * The `count` most recently pushed repositories that the credential can see, latest first; fewer where
   * there are fewer.
   * @throws {RefusedError} when GitHub refuses
   */
  listRecentlyPushed(count: number, signal: AbortSignal): Promise<readonly Repository[]>;
}
