import { z } from "zod";
import type { Workflow, WorkflowSource } from "../repository/repository.ts";
import { Answers } from "./answers.ts";
import type { GitHub } from "./client.ts";
import { ownerAndRepo } from "./repository.ts";

/** https://docs.github.com/en/rest/actions/workflows#list-repository-workflows */
const workflowAnswer = z.object({
  id: z.int(),
  name: z.string(),
  path: z.string(),
  state: z.string(),
  html_url: z.string(),
}).transform(({ html_url, ...workflow }): Workflow => ({ ...workflow, htmlUrl: html_url }));

const listAnswer = z.object({ workflows: z.array(workflowAnswer) })
  .transform(({ workflows }) => workflows);

/** `new GitHubWorkflows(github)` */
export class GitHubWorkflows implements WorkflowSource {
  readonly #github: GitHub;
  readonly #lists = new Answers<readonly Workflow[]>(listAnswer);

  constructor(github: GitHub) {
    this.#github = github;
  }

  async listWorkflows(fullName: string, signal: AbortSignal): Promise<readonly Workflow[]> {
    return await this.#github.list(this.#lists, "/repos/{owner}/{repo}/actions/workflows", {
      parameters: ownerAndRepo(fullName),
      count: Infinity,
      signal,
    });
  }
}
