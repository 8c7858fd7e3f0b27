import { z } from "zod";
import { invalidValue } from "../error_text.ts";
import { GitHubError } from "../errors.ts";
import type {
  Repository,
  RepositoryLookup,
  RepositorySource,
  Workflow,
  WorkflowSource,
} from "../repository/repository.ts";
import type { GitHubClient } from "./github_client.ts";
import { ResponseCache } from "./response_cache.ts";

/** Fields of a repository in REST responses and webhooks; the shortest form has only the first two. */
export const repositoryFields = {
  id: z.int(),
  full_name: z.string(),
  private: z.boolean().nullish(),
  default_branch: z.string().nullish(),
  html_url: z.string().nullish(),
};

/** https://docs.github.com/en/rest/repos/repos#get-a-repository */
const repositorySchema = z.object({
  ...repositoryFields,
  pushed_at: z.iso.datetime({ offset: true }).nullish(),
}).transform((json): Repository => toRepository(json, json.pushed_at));

const installationRepositoriesSchema = z.object({ repositories: z.array(repositorySchema) })
  .transform(({ repositories }) => repositories);

export class GitHubRepositories implements RepositorySource, RepositoryLookup {
  readonly #github: GitHubClient;
  readonly #userRepositories = new ResponseCache<readonly Repository[]>(z.array(repositorySchema));
  readonly #installationRepositories = new ResponseCache<readonly Repository[]>(
    installationRepositoriesSchema,
  );
  readonly #single = new ResponseCache<Repository>(repositorySchema);

  constructor(github: GitHubClient) {
    this.#github = github;
  }

  /** The list of an installation cannot be sorted by GitHub, so it is fetched completely and sorted here. */
  async listRecentlyPushed(count: number, signal: AbortSignal): Promise<readonly Repository[]> {
    const list = this.#github.isInstallation
      ? this.#github.list(this.#installationRepositories, "/installation/repositories", {
        count: Infinity,
        signal,
        isCredentialCheck: true,
      })
      : this.#github.list(this.#userRepositories, "/user/repos", {
        parameters: { sort: "pushed", direction: "desc" },
        count,
        signal,
        isCredentialCheck: true,
      });
    return (await list).toSorted(compareByLatestPush).slice(0, count);
  }

  /** GitHub redirects a former name, and the client follows. */
  async findByName(fullName: string, signal: AbortSignal): Promise<Repository> {
    const options = { parameters: parseFullName(fullName), signal };
    return (await this.#github.get(this.#single, "/repos/{owner}/{repo}", options)).value;
  }
}

/** https://docs.github.com/en/rest/actions/workflows#list-repository-workflows */
const workflowSchema = z.object({
  id: z.int(),
  name: z.string(),
  path: z.string(),
  state: z.string(),
  html_url: z.string(),
}).transform(({ html_url, ...workflow }): Workflow => ({ ...workflow, htmlUrl: html_url }));

const workflowListSchema = z.object({ workflows: z.array(workflowSchema) })
  .transform(({ workflows }) => workflows);

export class GitHubWorkflows implements WorkflowSource {
  readonly #github: GitHubClient;
  readonly #lists = new ResponseCache<readonly Workflow[]>(workflowListSchema);

  constructor(github: GitHubClient) {
    this.#github = github;
  }

  async listWorkflows(fullName: string, signal: AbortSignal): Promise<readonly Workflow[]> {
    return await this.#github.list(this.#lists, "/repos/{owner}/{repo}/actions/workflows", {
      parameters: parseFullName(fullName),
      count: Infinity,
      signal,
    });
  }
}

export function toRepository(
  json: z.infer<z.ZodObject<typeof repositoryFields>>,
  pushedAt: string | null | undefined,
): Repository {
  const { private: isPrivate, default_branch, html_url } = json;
  return {
    id: json.id,
    fullName: json.full_name,
    pushedAt: pushedAt ?? null,
    ...(typeof isPrivate === "boolean" && { isPrivate }),
    ...(typeof default_branch === "string" && { defaultBranch: default_branch }),
    ...(typeof html_url === "string" && { htmlUrl: html_url }),
  };
}

/**
 * Returns the parameters of a path that starts with `/repos/{owner}/{repo}`.
 * @throws {GitHubError} `not_accessible` for a name that no repository can have
 */
export function parseFullName(fullName: string): { readonly owner: string; readonly repo: string } {
  const slash = fullName.indexOf("/");
  const owner = fullName.slice(0, slash);
  const repo = fullName.slice(slash + 1);
  // Dots are not escaped, and would change the path.
  if (slash === -1 || [owner, repo].some((part) => ["", ".", ".."].includes(part))) {
    const message = invalidValue("repository", fullName, "owner/name");
    throw new GitHubError({ kind: "not_accessible", status: 404 }, message);
  }
  return { owner, repo };
}

function compareByLatestPush(a: Repository, b: Repository): number {
  return Date.parse(b.pushedAt ?? "1970") - Date.parse(a.pushedAt ?? "1970") || b.id - a.id;
}
