import { type Context, Hono } from "hono";
import { createdFilter } from "./created_filter.ts";
import type { Credential, Credentials } from "./credentials.ts";
import { addConsentRoutes } from "./consent_routes.ts";
import type { Hooks } from "./hooks.ts";
import { addHookRoutes } from "./hook_routes.ts";
import { addJobRoutes } from "./job_routes.ts";
import type { OAuth } from "./oauth.ts";
import { pageOf } from "./page.ts";
import { rateLimitJson, type RateLimits } from "./rate_limits.ts";
import { answer, blocked, movedTo, notFound, type Refusal, refuse } from "./refusal.ts";
import type { Repository } from "./repository.ts";
import { repositoryJson, workflowJson } from "./repository_json.ts";
import type { RunIndex } from "./run_index.ts";
import { runJson } from "./run_json.ts";
import { authenticatedUserJson, type Origin } from "./user_json.ts";
import { isVisible } from "./visibility.ts";
import type { World } from "./world.ts";

/** What a route is told of the request besides the request: who asks, and under which address. */
export interface Caller {
  readonly credential: Credential;
  readonly origin: Origin;
}

/** A request without any credential sees public repositories and nothing else. */
const REQUIRES_AUTHENTICATION = refuse(401, "Requires authentication");
const USERS_ONLY = refuse(403, "Resource not accessible by integration");
const INSTALLATIONS_ONLY = refuse(
  403,
  "You must authenticate with an installation access token in order to list repositories for an installation.",
);

export type Asked = Context<{ Bindings: Caller }>;

/** What can be reached of a filtered list: https://docs.github.com/en/rest/actions/workflow-runs */
const MAX_FILTERED_RUNS = 1_000;
/** Beyond so many items GitHub refuses a page of an unfiltered list: https://github.com/apache/devlake/issues/8842 */
const MAX_RUNS = 40_000;

const TOO_DEEP = refuse(
  422,
  "In order to keep the API fast for everyone, pagination is limited for this resource.",
);

/** The routes of GitHub's REST API that the simulator knows. Of the filters of runs it knows `created`; others are ignored. */
export function routes({ world, hooks, index, oauth, credentials, rateLimits, login }: {
  readonly world: World;
  readonly hooks: Hooks;
  readonly index: RunIndex;
  readonly oauth: OAuth;
  readonly credentials: Credentials;
  readonly rateLimits: RateLimits;
  readonly login: string;
}): Hono<{ Bindings: Caller }> {
  const api = new Hono<{ Bindings: Caller }>();

  api.get("/user", (c) => {
    if (c.env.credential.kind === "anonymous") return answer(REQUIRES_AUTHENTICATION);
    if (c.env.credential.kind === "installation") return answer(USERS_ONLY);
    const user = c.env.credential.grant?.user ?? { login };
    return c.json(authenticatedUserJson(user, c.env.origin));
  });

  api.get("/user/repos", (c) => {
    if (c.env.credential.kind === "anonymous") return answer(REQUIRES_AUTHENTICATION);
    if (c.env.credential.kind === "installation") return answer(USERS_ONLY);
    const { sort, direction } = c.req.query();
    const { items, link } = pageOf(sorted(ofUser(c), { sort, direction }), c);
    return c.json(items.map((repository) => repositoryJson(repository, c.env.origin)), 200, link);
  });

  api.get("/installation/repositories", (c) => {
    if (c.env.credential.kind !== "installation") return answer(INSTALLATIONS_ONLY);
    const all = world.repositories().filter((each) => world.people.isInstalled(each));
    const { items, link } = pageOf(all, c);
    const repositories = items.map((repository) => repositoryJson(repository, c.env.origin));
    return c.json(
      { total_count: all.length, repository_selection: "all", repositories },
      200,
      link,
    );
  });

  api.post("/app/installations/:id/access_tokens", (c) => {
    const issued = credentials.issue(c.env.credential, Number(c.req.param("id")));
    return "status" in issued ? answer(issued) : c.json(issued, 201);
  });

  api.get("/rate_limit", (c) => c.json(rateLimitJson(rateLimits.of(c.env.credential))));

  api.get("/repos/:owner/:repo", (c) => {
    const repository = find(c);
    if ("status" in repository) return answer(repository);
    return c.json(repositoryJson(repository, c.env.origin));
  });

  api.get("/repos/:owner/:repo/actions/runs", (c) => {
    const repository = find(c);
    if ("status" in repository) return answer(repository);
    const { created } = c.req.query();
    const filter = created === undefined ? undefined : createdFilter(created);
    if (created !== undefined && !filter) return answer(refuse(422, "Validation Failed"));
    const all = index.list(repository.full_name);
    const runs = filter ? all.filter((run) => filter(Date.parse(run.created_at))) : all;
    const { items, link } = pageOf(runs.slice(0, filter ? MAX_FILTERED_RUNS : MAX_RUNS), c);
    if (!filter && items.length === 0 && runs.length > MAX_RUNS) {
      return answer(TOO_DEEP);
    }
    const workflow_runs = items.map((run) => runJson(run, repository, c.env.origin));
    return c.json({ total_count: runs.length, workflow_runs }, 200, link);
  });

  api.get("/repos/:owner/:repo/actions/runs/:id{[0-9]+}", (c) => {
    const repository = find(c);
    if ("status" in repository) return answer(repository);
    const run = world.run(Number(c.req.param("id")));
    if (run?.repository !== repository.full_name) return answer(notFound());
    return c.json(runJson(run, repository, c.env.origin));
  });

  api.get("/repos/:owner/:repo/actions/workflows", (c) => {
    const repository = find(c);
    if ("status" in repository) return answer(repository);
    const { items, link } = pageOf(repository.workflows, c);
    const workflows = items.map((workflow) => workflowJson(workflow, repository, c.env.origin));
    return c.json({ total_count: repository.workflows.length, workflows }, 200, link);
  });

  addJobRoutes(api, { world, find });
  addHookRoutes(api, { hooks, find });
  addConsentRoutes(api, { oauth });

  /** Those that the user has something to do with: public ones of others are in no list. */
  function ofUser({ env: { credential } }: Asked): readonly Repository[] {
    const { grant } = credential;
    if (!grant) return world.repositories();
    return world.repositories().filter((each) =>
      world.people.belongsTo(grant.user, each) && isVisible(each, credential, world.people)
    );
  }

  /** The repository of the path, when the one who asks may have it. */
  function find(c: Asked): Repository | Refusal {
    const repository = world.repository(`${c.req.param("owner")}/${c.req.param("repo")}`);
    if (!repository) return moved(c) ?? notFound();
    if (!isVisible(repository, c.env.credential, world.people)) return notFound();
    const block = world.block(repository.full_name);
    return block === undefined ? repository : blocked(block);
  }

  /** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects */
  function moved(c: Asked): Refusal | undefined {
    const repository = world.movedFrom(`${c.req.param("owner")}/${c.req.param("repo")}`);
    if (!repository || !isVisible(repository, c.env.credential, world.people)) return undefined;
    const { pathname, search } = new URL(c.req.url);
    const [, rest = ""] = /\/repos\/[^/]+\/[^/]+(.*)$/.exec(pathname) ?? [];
    return movedTo(`${c.env.origin.api}/repositories/${repository.id}${rest}${search}`);
  }

  // By its id a repository is found whatever its name.
  api.all("/repositories/:id{[0-9]+}/*", byId);
  api.all("/repositories/:id{[0-9]+}", byId);

  function byId(c: Asked): Response | Promise<Response> {
    const id = Number(c.req.param("id"));
    const repository = world.repositories().find((each) => each.id === id);
    if (!repository || !isVisible(repository, c.env.credential, world.people)) {
      return answer(notFound());
    }
    const url = new URL(c.req.url);
    url.pathname = url.pathname.replace(/\/repositories\/\d+/, `/repos/${repository.full_name}`);
    return root.fetch(new Request(url, c.req.raw), c.env);
  }

  const root = new Hono<{ Bindings: Caller }>();
  root.notFound(() => answer(notFound()));
  root.route("/", api);
  root.route("/api/v3", api);
  return root;
}

/** https://docs.github.com/en/rest/repos/repos#list-repositories-for-the-authenticated-user */
function sorted(repositories: readonly Repository[], { sort = "full_name", direction }: {
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
