import type { Visibility } from "../visibility.ts";

/** What is known of the webhook of a repository that is followed. */
export type WebhookState =
  /** We have created it; removed when the repository is no longer followed. */
  | { readonly state: "active"; readonly id: number }
  /** Polling serves the repository; `reason` says why there is no webhook of ours, in words. */
  | { readonly state: "none"; readonly reason: string };

/** How far a backfill has come. Times in ms since the epoch. */
export interface BackfillState {
  readonly state: "running" | "done" | "failed";
  readonly since: number;
  /** Everything created from here to when it began is in. */
  readonly importedFrom: number;
  /** Runs that were brought in. */
  readonly runs: number;
  /** How many there will be, by what is known so far; `null` until something is. */
  readonly estimate: number | null;
  readonly reason: string | null;
}

/** A repository as the catalogue shows it. Times are RFC 3339 in `pushedAt`, ms since the epoch elsewhere. */
export interface CatalogRepository {
  readonly id: number;
  /** `owner/name` */
  readonly fullName: string;
  readonly isPrivate: boolean | null;
  readonly defaultBranch: string | null;
  readonly htmlUrl: string | null;
  readonly pushedAt: string | null;
  /** Since when it is followed on request; `null` for one that we merely know. */
  readonly followedAt: number | null;
  readonly polledAt: number | null;
  /** Why it cannot be followed any more or just now, in words. */
  readonly error: string | null;
  /** `null` for one that is not followed. */
  readonly webhook: WebhookState | null;
  readonly backfill: BackfillState | null;
}

/** A workflow as the catalogue shows it. */
export interface CatalogWorkflow {
  readonly id: number;
  /** `owner/name` */
  readonly repository: string;
  readonly name: string;
  /** For example `.github/workflows/ci.yml`; `null` until GitHub has told. */
  readonly path: string | null;
  /** GitHub's word, for example `active` or `disabled_manually`. */
  readonly state: string | null;
  readonly htmlUrl: string | null;
}

export interface ListPage {
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

export interface RepositoryQuery extends ListPage {
  /** Others are neither listed nor counted. */
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

/** Reads what is kept of repositories and their workflows; never asks GitHub. All throw StorageError. */
export interface Catalog {
  listRepositories(
    query: RepositoryQuery,
  ): Promise<{ readonly total: number; readonly repositories: readonly CatalogRepository[] }>;
  /** `undefined` when it is not known, or may not be seen. */
  findRepository(id: number, visibility: Visibility): Promise<CatalogRepository | undefined>;
  /** By repository and name. */
  listWorkflows(
    query: WorkflowQuery,
  ): Promise<{ readonly total: number; readonly workflows: readonly CatalogWorkflow[] }>;
  /** `undefined` when it is not known, or may not be seen. */
  findWorkflow(id: number, visibility: Visibility): Promise<CatalogWorkflow | undefined>;
}
