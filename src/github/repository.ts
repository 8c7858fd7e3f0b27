import { z } from "zod";
import { RefusedError } from "../errors.ts";
import type { Repository, RepositorySource } from "../repository/repository.ts";
import { Answers } from "./answers.ts";
import type { GitHub } from "./client.ts";

const repositoryAnswer = z.object({
  id: z.int(),
  full_name: z.string(),
  pushed_at: z.iso.datetime({ offset: true }).nullish(),
}).transform((repository): Repository => ({
  id: repository.id,
  fullName: repository.full_name,
  pushedAt: repository.pushed_at ?? null,
}));

const installationAnswer = z.object({ repositories: z.array(repositoryAnswer) })
  .transform(({ repositories }) => repositories);

/** `new GitHubRepositories(github)` */
export class GitHubRepositories implements RepositorySource {
  readonly #github: GitHub;
  readonly #ofUser = new Answers<readonly Repository[]>(z.array(repositoryAnswer));
  readonly #ofInstallation = new Answers<readonly Repository[]>(installationAnswer);

  constructor(github: GitHub) {
    this.#github = github;
  }

  /** An installation's list cannot be had in order of pushes: it is fetched whole and put in order here. */
  async latestPushed(count: number, signal: AbortSignal): Promise<readonly Repository[]> {
    const list = this.#github.isInstallation
      ? this.#github.list(this.#ofInstallation, "/installation/repositories", {
        count: Infinity,
        signal,
      })
      : this.#github.list(this.#ofUser, "/user/repos", {
        parameters: { sort: "pushed", direction: "desc" },
        count,
        signal,
      });
    return (await list).toSorted(latestPushFirst).slice(0, count);
  }
}

/**
 * The parameters of a path that begins with `/repos/{owner}/{repo}`.
 * @throws {RefusedError} `missing` when no repository can have that name
 */
export function ownerAndRepo(fullName: string): { readonly owner: string; readonly repo: string } {
  const slash = fullName.indexOf("/");
  const owner = fullName.slice(0, slash);
  const repo = fullName.slice(slash + 1);
  // Dots are not escaped in a path, and would lead to another one.
  if (slash === -1 || [owner, repo].some((part) => ["", ".", ".."].includes(part))) {
    const message = `${JSON.stringify(fullName)} names no repository: it must be owner/name`;
    throw new RefusedError({ kind: "missing", status: 404 }, message);
  }
  return { owner, repo };
}

function latestPushFirst(a: Repository, b: Repository): number {
  return Date.parse(b.pushedAt ?? "1970") - Date.parse(a.pushedAt ?? "1970") || b.id - a.id;
}
