import type { Repository, Workflow } from "./world/repository.ts";
import { nodeId, type Origin, userJson } from "./user_json.ts";

/** API paths below `/repos/owner/name`, by field name without `_url`. */
const PATHS = {
  archive: "/{archive_format}{/ref}",
  assignees: "/assignees{/user}",
  blobs: "/git/blobs{/sha}",
  branches: "/branches{/branch}",
  collaborators: "/collaborators{/collaborator}",
  comments: "/comments{/number}",
  commits: "/commits{/sha}",
  compare: "/compare/{base}...{head}",
  contents: "/contents/{+path}",
  contributors: "/contributors",
  deployments: "/deployments",
  downloads: "/downloads",
  events: "/events",
  forks: "/forks",
  git_commits: "/git/commits{/sha}",
  git_refs: "/git/refs{/sha}",
  git_tags: "/git/tags{/sha}",
  hooks: "/hooks",
  issue_comment: "/issues/comments{/number}",
  issue_events: "/issues/events{/number}",
  issues: "/issues{/number}",
  keys: "/keys{/key_id}",
  labels: "/labels{/name}",
  languages: "/languages",
  merges: "/merges",
  milestones: "/milestones{/number}",
  notifications: "/notifications{?since,all,participating}",
  pulls: "/pulls{/number}",
  releases: "/releases{/id}",
  stargazers: "/stargazers",
  statuses: "/statuses/{sha}",
  subscribers: "/subscribers",
  subscription: "/subscription",
  tags: "/tags",
  teams: "/teams",
  trees: "/git/trees{/sha}",
};

/** The part of a repository that workflow runs contain; it does not change with a push. */
export function minimalRepositoryJson(repository: Repository, origin: Origin) {
  const { id, full_name, description } = repository;
  const [owner = "", name = ""] = full_name.split("/");
  const url = `${origin.api}/repos/${full_name}`;
  return {
    id,
    node_id: nodeId("Repository", id),
    name,
    full_name,
    private: repository.private,
    owner: userJson(owner, origin),
    html_url: `${origin.html}/${full_name}`,
    description,
    fork: false,
    url,
    ...Object.fromEntries(
      Object.entries(PATHS).map(([field, path]) => [`${field}_url`, url + path]),
    ),
  };
}

/** A repository in lists and by its name (https://docs.github.com/en/rest/repos/repos). */
export function repositoryJson(repository: Repository, origin: Origin) {
  const { full_name, pushed_at, created_at } = repository;
  const html = `${origin.html}/${full_name}`;
  return {
    ...minimalRepositoryJson(repository, origin),
    git_url: `${html.replace(/^https?/, "git")}.git`,
    ssh_url: `git@${new URL(html).hostname}:${full_name}.git`,
    clone_url: `${html}.git`,
    svn_url: html,
    mirror_url: null,
    homepage: null,
    language: repository.language,
    forks_count: 0,
    stargazers_count: 0,
    watchers_count: 0,
    size: 4_096,
    default_branch: repository.default_branch,
    open_issues_count: 0,
    is_template: false,
    topics: [],
    has_issues: true,
    has_projects: true,
    has_wiki: false,
    has_pages: false,
    has_downloads: true,
    has_discussions: false,
    archived: false,
    disabled: false,
    visibility: repository.private ? "private" : "public",
    pushed_at,
    created_at,
    updated_at: pushed_at ?? created_at,
    permissions: {
      admin: repository.admin,
      maintain: repository.admin,
      push: true,
      triage: true,
      pull: true,
    },
    license: null,
    forks: 0,
    open_issues: 0,
    watchers: 0,
    allow_forking: true,
    web_commit_signoff_required: false,
  };
}

/** https://docs.github.com/en/rest/actions/workflows */
export function workflowJson(workflow: Workflow, repository: Repository, origin: Origin) {
  const { id, name, path, created_at } = workflow;
  const { full_name, default_branch } = repository;
  return {
    id,
    node_id: nodeId("Workflow", id),
    name,
    path,
    state: "active",
    created_at,
    updated_at: created_at,
    url: `${origin.api}/repos/${full_name}/actions/workflows/${id}`,
    html_url: `${origin.html}/${full_name}/blob/${default_branch}/${path}`,
    badge_url: `${origin.html}/${full_name}/workflows/${encodeURIComponent(name)}/badge.svg`,
  };
}
