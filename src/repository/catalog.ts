import type { Visibility } from "../visibility.ts";
import type { WebhookState } from "./webhook.ts";

/** The state of a backfill. Times are in ms since the epoch. */
export interface BackfillState {
  readonly state: "running" | "done" | "failed";
  readonly since: number;
  /** All runs created between this time and the start of the backfill are imported. */
  readonly importedFrom: number;
  /** Imported runs. */
  readonly runs: number;
  /** The estimated total number of runs; `null` until one is known. */
  readonly estimate: number | null;
  readonly reason: string | null;
}

/** A stored repository. `pushedAt` is RFC 3339, other times are in ms since the epoch. */
export interface CatalogRepository {
  readonly id: number;
  /** `owner/name` */
  readonly fullName: string;
  readonly isPrivate: boolean | null;
  readonly defaultBranch: string | null;
  readonly htmlUrl: string | null;
  readonly pushedAt: string | null;
  /** `null` for a repository that is not followed. */
  readonly followedAt: number | null;
  readonly polledAt: number | null;
  /** Why the repository cannot currently be polled; human-readable. */
  readonly error: string | null;
  /** `null` for a repository that is not followed. */
  readonly webhook: WebhookState | null;
  readonly backfill: BackfillState | null;
}

/** A stored workflow. */
export interface CatalogWorkflow {
  readonly id: number;
  /** `owner/name` */
  readonly repository: string;
  readonly name: string;
  /** For example `.github/workflows/ci.yml`; `null` until known. */
  readonly path: string | null;
  /** GitHub's state, for example `active` or `disabled_manually`. */
  readonly state: string | null;
  readonly htmlUrl: string | null;
}

interface ListPage {
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

export interface RepositoryQuery extends ListPage {
  /** Other repositories are neither listed nor counted. */
  readonly visibility: Visibility;
  readonly followed?: boolean | undefined;
  readonly sort: "pushed" | "name";
  readonly direction: "asc" | "desc";
}

export interface WorkflowQuery extends ListPage {
  /** Workflows of other repositories are neither listed nor counted. */
  readonly visibility: Visibility;
  /** `owner/name`, in any case. */
  readonly repository?: string | undefined;
}

/** Reads stored repositories and workflows; never asks GitHub. All methods throw StorageError. */
export interface Catalog {
  listRepositories(
    query: RepositoryQuery,
  ): Promise<{ readonly total: number; readonly repositories: readonly CatalogRepository[] }>;
  /** Returns `undefined` if it is unknown or not visible. */
  findRepository(id: number, visibility: Visibility): Promise<CatalogRepository | undefined>;
  /** Sorted by repository and name. */
  listWorkflows(
    query: WorkflowQuery,
  ): Promise<{ readonly total: number; readonly workflows: readonly CatalogWorkflow[] }>;
  /** Returns `undefined` if it is unknown or not visible. */
  findWorkflow(id: number, visibility: Visibility): Promise<CatalogWorkflow | undefined>;
}
