import { Hono } from "hono";
import { parseCreatedFilter } from "./created_filter.ts";
import type { Credentials } from "./auth/credentials.ts";
import { addOAuthConsentRoutes } from "./auth/oauth_consent.ts";
import type { Webhooks } from "./webhooks/webhooks.ts";
import { addWebhookRoutes } from "./webhooks/webhook_routes.ts";
import { addJobRoutes } from "./job_routes.ts";
import type { OAuth } from "./auth/oauth.ts";
import { paginate } from "./pagination.ts";
import { rateLimitJson, type RateLimits } from "./rate_limits.ts";
import {
  createError,
  type ErrorResponse,
  movedPermanently,
  notFound,
  repositoryBlocked,
  toResponse,
} from "./error_response.ts";
import type { Repository } from "./world/repository.ts";
import { repositoryJson, workflowJson } from "./repository_json.ts";
import type { RequestContext, SimulatedPrincipal } from "./request_context.ts";
import type { RunIndex } from "./run_index.ts";
import { runJson } from "./run_json.ts";
import { authenticatedUserJson } from "./user_json.ts";
import { isVisible } from "./visibility.ts";
import type { World } from "./world/world.ts";

/** Anonymous requests only see public repositories. */
const REQUIRES_AUTHENTICATION = createError(401, "Requires authentication");
const USERS_ONLY = createError(403, "Resource not accessible by integration");
const INSTALLATIONS_ONLY = createError(
  403,
  "You must authenticate with an installation access token in order to list repositories for an installation.",
);

/** The limit of a filtered list: https://docs.github.com/en/rest/actions/workflow-runs */
const MAX_FILTERED_RUNS = 1_000;
/** The limit of an unfiltered list: https://github.com/apache/devlake/issues/8842 */
const MAX_UNFILTERED_RUNS = 40_000;

const PAGINATION_LIMITED = createError(
  422,
  "In order to keep the API fast for everyone, pagination is limited for this resource.",
);

/** The supported routes of GitHub's REST API. The only supported filter of runs is `created`. */
export function createRoutes({ world, webhooks, index, oauth, credentials, rateLimits, login }: {
  readonly world: World;
  readonly webhooks: Webhooks;
  readonly index: RunIndex;
  readonly oauth: OAuth;
  readonly credentials: Credentials;
  readonly rateLimits: RateLimits;
  readonly login: string;
}): Hono<{ Bindings: SimulatedPrincipal }> {
  const api = new Hono<{ Bindings: SimulatedPrincipal }>();

  api.get("/user", (c) => {
    if (c.env.credential.kind === "anonymous") return toResponse(REQUIRES_AUTHENTICATION);
    if (c.env.credential.kind === "installation") return toResponse(USERS_ONLY);
    const user = c.env.credential.grant?.user ?? { login };
    return c.json(authenticatedUserJson(user, c.env.origin));
  });

  api.get("/user/repos", (c) => {
    if (c.env.credential.kind === "anonymous") return toResponse(REQUIRES_AUTHENTICATION);
    if (c.env.credential.kind === "installation") return toResponse(USERS_ONLY);
    const { sort, direction } = c.req.query();
    const { items, link } = paginate(
      sortRepositories(listUserRepositories(c), { sort, direction }),
      c,
    );
    return c.json(items.map((repository) => repositoryJson(repository, c.env.origin)), 200, link);
  });

  api.get("/installation/repositories", (c) => {
    if (c.env.credential.kind !== "installation") return toResponse(INSTALLATIONS_ONLY);
    const all = world.repositories().filter((each) => world.users.isInstalled(each));
    const { items, link } = paginate(all, c);
    const repositories = items.map((repository) => repositoryJson(repository, c.env.origin));
    return c.json(
      { total_count: all.length, repository_selection: "all", repositories },
      200,
      link,
    );
  });

  api.post("/app/installations/:id/access_tokens", (c) => {
    const token = credentials.issue(c.env.credential, Number(c.req.param("id")));
    return "status" in token ? toResponse(token) : c.json(token, 201);
  });

  api.get("/rate_limit", (c) => c.json(rateLimitJson(rateLimits.get(c.env.credential))));

  api.get("/repos/:owner/:repo", (c) => {
    const repository = findRepository(c);
    if ("status" in repository) return toResponse(repository);
    return c.json(repositoryJson(repository, c.env.origin));
  });

  api.get("/repos/:owner/:repo/actions/runs", (c) => {
    const repository = findRepository(c);
    if ("status" in repository) return toResponse(repository);
    const { created } = c.req.query();
    const filter = created === undefined ? undefined : parseCreatedFilter(created);
    if (created !== undefined && !filter) return toResponse(createError(422, "Validation Failed"));
    const all = index.list(repository.full_name);
    const runs = filter ? all.filter((run) => filter(Date.parse(run.created_at))) : all;
    const { items, link } = paginate(
      runs.slice(0, filter ? MAX_FILTERED_RUNS : MAX_UNFILTERED_RUNS),
      c,
    );
    if (!filter && items.length === 0 && runs.length > MAX_UNFILTERED_RUNS) {
      return toResponse(PAGINATION_LIMITED);
    }
    const workflow_runs = items.map((run) => runJson(run, repository, c.env.origin));
    return c.json({ total_count: runs.length, workflow_runs }, 200, link);
  });

  api.get("/repos/:owner/:repo/actions/runs/:id{[0-9]+}", (c) => {
    const repository = findRepository(c);
    if ("status" in repository) return toResponse(repository);
    const run = world.run(Number(c.req.param("id")));
    if (run?.repository !== repository.full_name) return toResponse(notFound());
    return c.json(runJson(run, repository, c.env.origin));
  });

  api.get("/repos/:owner/:repo/actions/workflows", (c) => {
    const repository = findRepository(c);
    if ("status" in repository) return toResponse(repository);
    const { items, link } = paginate(repository.workflows, c);
    const workflows = items.map((workflow) => workflowJson(workflow, repository, c.env.origin));
    return c.json({ total_count: repository.workflows.length, workflows }, 200, link);
  });

  addJobRoutes(api, { world, findRepository });
  addWebhookRoutes(api, { webhooks, findRepository });
  addOAuthConsentRoutes(api, { oauth });

  /** Repositories the user is affiliated with; public repositories of other users are not listed. */
  function listUserRepositories({ env: { credential } }: RequestContext): readonly Repository[] {
    const { grant } = credential;
    if (!grant) return world.repositories();
    return world.repositories().filter((each) =>
      world.users.isAffiliated(grant.user, each) && isVisible(each, credential, world.users)
    );
  }

  /** The repository in the path, if it is visible to the caller. */
  function findRepository(c: RequestContext): Repository | ErrorResponse {
    const repository = world.repository(`${c.req.param("owner")}/${c.req.param("repo")}`);
    if (!repository) return redirectIfMoved(c) ?? notFound();
    if (!isVisible(repository, c.env.credential, world.users)) return notFound();
    const block = world.block(repository.full_name);
    return block === undefined ? repository : repositoryBlocked(block);
  }

  /** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects */
  function redirectIfMoved(c: RequestContext): ErrorResponse | undefined {
    const repository = world.findByPreviousName(`${c.req.param("owner")}/${c.req.param("repo")}`);
    if (!repository || !isVisible(repository, c.env.credential, world.users)) return undefined;
    const { pathname, search } = new URL(c.req.url);
    const [, rest = ""] = /\/repos\/[^/]+\/[^/]+(.*)$/.exec(pathname) ?? [];
    return movedPermanently(`${c.env.origin.api}/repositories/${repository.id}${rest}${search}`);
  }

  // The id of a repository is independent of its name.
  api.all("/repositories/:id{[0-9]+}/*", handleById);
  api.all("/repositories/:id{[0-9]+}", handleById);

  function handleById(c: RequestContext): Response | Promise<Response> {
    const id = Number(c.req.param("id"));
    const repository = world.repositories().find((each) => each.id === id);
    if (!repository || !isVisible(repository, c.env.credential, world.users)) {
      return toResponse(notFound());
    }
    const url = new URL(c.req.url);
    url.pathname = url.pathname.replace(/\/repositories\/\d+/, `/repos/${repository.full_name}`);
    return root.fetch(new Request(url, c.req.raw), c.env);
  }

  const root = new Hono<{ Bindings: SimulatedPrincipal }>();
  root.notFound(() => toResponse(notFound()));
  root.route("/", api);
  root.route("/api/v3", api);
  return root;
}

/** https://docs.github.com/en/rest/repos/repos#list-repositories-for-the-authenticated-user */
function sortRepositories(repositories: readonly Repository[], { sort = "full_name", direction }: {
  readonly sort: string | undefined;
  readonly direction: string | undefined;
}): readonly Repository[] {
  const key = (repository: Repository) => {
    if (sort === "pushed" || sort === "updated") return repository.pushed_at ?? "";
    return sort === "created" ? repository.created_at : repository.full_name;
  };
  const ascending = direction === "asc" || (direction === undefined && sort === "full_name");
  const order = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
  return repositories.toSorted((a, b) =>
    (ascending ? 1 : -1) * (order(key(a), key(b)) || a.id - b.id)
  );
}
