import { z } from "zod";
import { GitHubError } from "../errors.ts";
import type { Repository, RepositoryLookup, RepositorySource } from "../repository/repository.ts";
import { ResponseCache } from "./response_cache.ts";
import type { GitHubClient } from "./github_client.ts";

/** What all of GitHub's forms of a repository may have, in REST and in webhooks; the shortest have the first two alone. */
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

/** `new GitHubRepositories(github)` */
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

  /** An installation's list cannot be had in order of pushes: it is fetched whole and put in order here. */
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

  /** GitHub answers 301 to a former name, and the client follows. */
  async findByName(fullName: string, signal: AbortSignal): Promise<Repository> {
    const options = { parameters: parseFullName(fullName), signal };
    return (await this.#github.get(this.#single, "/repos/{owner}/{repo}", options)).value;
  }
}

/** A repository in our words. */
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
 * The parameters of a path that begins with `/repos/{owner}/{repo}`.
 * @throws {GitHubError} `missing` when no repository can have that name
 */
export function parseFullName(fullName: string): { readonly owner: string; readonly repo: string } {
  const slash = fullName.indexOf("/");
  const owner = fullName.slice(0, slash);
  const repo = fullName.slice(slash + 1);
  // Dots are not escaped in a path, and would lead to another one.
  if (slash === -1 || [owner, repo].some((part) => ["", ".", ".."].includes(part))) {
    const message = `${JSON.stringify(fullName)} names no repository: it must be owner/name`;
    throw new GitHubError({ kind: "not_accessible", status: 404 }, message);
  }
  return { owner, repo };
}

function compareByLatestPush(a: Repository, b: Repository): number {
  return Date.parse(b.pushedAt ?? "1970") - Date.parse(a.pushedAt ?? "1970") || b.id - a.id;
}
