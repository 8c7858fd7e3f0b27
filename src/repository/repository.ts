import type { NumberedEvent } from "../feed/event.ts";

/** A repository whose workflow runs may be followed. Times are RFC 3339, as GitHub writes them. */
export interface Repository {
  readonly id: number;
  /** `owner/name` */
  readonly fullName: string;
  /** `null` when nothing was ever pushed. */
  readonly pushedAt: string | null;
}

/** A workflow of a repository, as its runs name it. */
export interface Workflow {
  readonly id: number;
  /** `owner/name` */
  readonly repository: string;
  readonly name: string;
}

/** Where repositories are kept. */
export interface RepositoryStore {
  /**
   * Keeps repositories as they are now; a `pushedAt` never moves back. Returns the events that tell what has changed, kept
   * in the same transaction.
   */
  put(repositories: readonly Repository[]): Promise<readonly NumberedEvent[]>;
  /** Marks repositories as gone; their history stays. */
  remove(ids: readonly number[]): Promise<readonly NumberedEvent[]>;
  /** The `count` most recently pushed that are not gone, latest first. */
  latestPushed(count: number): Promise<readonly Repository[]>;
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
