/** A repository with GitHub's field names. Times are RFC 3339 in whole seconds. */
export interface Repository {
  readonly id: number;
  /** `owner/name` */
  readonly full_name: string;
  readonly private: boolean;
  /** Whether the caller may administer it, including its webhooks. */
  readonly admin: boolean;
  readonly description: string | null;
  readonly language: string | null;
  readonly default_branch: string;
  readonly created_at: string;
  /** `null` without any push. */
  readonly pushed_at: string | null;
  readonly workflows: readonly Workflow[];
}

export interface Workflow {
  readonly id: number;
  readonly name: string;
  /** For example `.github/workflows/ci.yml` */
  readonly path: string;
  readonly created_at: string;
}

/** The fields of a new repository; all but the name have realistic defaults. */
export type RepositoryFields =
  & Pick<Repository, "full_name">
  & Partial<Omit<Repository, "full_name" | "workflows">>
  & { readonly workflows?: readonly Partial<Workflow>[] };

/** The error status of an existing but inaccessible repository. */
export type Block = 403 | 404 | 451;

/** A repository, by default with one workflow `CI`. */
export function createRepository(
  { workflows = [{}], ...fields }: RepositoryFields,
  { id, nextWorkflowId, now }: {
    readonly id: number;
    readonly nextWorkflowId: () => number;
    readonly now: string;
  },
): Repository {
  return {
    id,
    private: false,
    admin: true,
    description: null,
    language: "TypeScript",
    default_branch: "main",
    created_at: now,
    pushed_at: now,
    ...fields,
    workflows: workflows.map(({ name = "CI", ...workflow }) => ({
      id: nextWorkflowId(),
      name,
      path: `.github/workflows/${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.yml`,
      created_at: now,
      ...workflow,
    })),
  };
}
