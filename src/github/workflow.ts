import { z } from "zod";
import type { Workflow, WorkflowSource } from "../repository/repository.ts";
import { ResponseCache } from "./response_cache.ts";
import type { GitHubClient } from "./github_client.ts";
import { parseFullName } from "./repository.ts";

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

/** `new GitHubWorkflows(github)` */
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
