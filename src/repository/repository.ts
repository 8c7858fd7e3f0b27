import type { RepositoryEvent, StoredEvent } from "../feed/event.ts";

/** A repository on GitHub. Times are RFC 3339, as in GitHub's responses. */
export interface Repository {
  readonly id: number;
  /** `owner/name` */
  readonly fullName: string;
  /** `null` before the first push. */
  readonly pushedAt: string | null;
  /** Missing if GitHub did not report it. */
  readonly isPrivate?: boolean;
  /** Missing if GitHub did not report it. */
  readonly defaultBranch?: string;
  /** Missing if GitHub did not report it. */
  readonly htmlUrl?: string;
}

/** A workflow of a repository, as listed by GitHub. */
export interface Workflow {
  readonly id: number;
  readonly name: string;
  /** For example `.github/workflows/ci.yml` */
  readonly path: string;
  /** GitHub's state, for example `active` or `disabled_manually`. */
  readonly state: string;
  readonly htmlUrl: string;
}

/** Stores repositories. */
export interface RepositoryStore {
  /**
   * Inserts or updates repositories; a `pushedAt` never moves back. Returns the events of the changes, stored in the same
   * transaction.
   */
  upsert(repositories: readonly Repository[]): Promise<readonly StoredEvent[]>;
  /** Marks repositories as removed; their history stays. */
  markRemoved(ids: readonly number[]): Promise<readonly StoredEvent[]>;
  /** The `count` most recently pushed repositories that are not removed, latest first. */
  listRecentlyPushed(count: number): Promise<readonly Repository[]>;
}

/** Looks up repositories by name: GitHub. */
export interface RepositoryLookup {
  /**
   * Finds a repository by its current or a former name; the result has the current name.
   * @throws {GitHubError} `not_accessible` when it does not exist or the credential may not see it
   */
  findByName(fullName: string, signal: AbortSignal): Promise<Repository>;
}

/** Lists workflows: GitHub. */
export interface WorkflowSource {
  /**
   * All workflows of a repository.
   * @throws {GitHubError}
   */
  listWorkflows(fullName: string, signal: AbortSignal): Promise<readonly Workflow[]>;
}

/** Lists repositories: GitHub. */
export interface RepositorySource {
  /**
   * Up to `count` of the most recently pushed repositories that the credential can see, latest first.
   * @throws {GitHubError}
   */
  listRecentlyPushed(count: number, signal: AbortSignal): Promise<readonly Repository[]>;
}

/** The event of a changed or removed repository. */
export function toRepositoryEvent(
  { id, fullName, pushedAt }: Repository,
  { removed = false } = {},
): RepositoryEvent {
  return {
    type: "repository",
    repository: fullName,
    data: { id, full_name: fullName, pushed_at: pushedAt, removed },
  };
}
