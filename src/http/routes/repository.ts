import { createRoute, z } from "@hono/zod-openapi";
import type { Visibility } from "../../visibility.ts";
import type { Clock } from "../../clock.ts";
import type { Catalog } from "../../repository/catalog.ts";
import type { FollowManager } from "../../repository/follow_manager.ts";
import {
  type Api,
  bodySchema,
  DATA_SERVERS,
  jsonResponse,
  newApi,
  NOT_MODIFIED,
  paramsSchema,
} from "../api.ts";
import { requires } from "../security.ts";
import { LINK_HEADER, listSchema, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import { ProblemError } from "../problem.ts";
import { openApiProblems, READ_PROBLEMS, WRITE_PROBLEMS } from "../problem_schema.ts";
import { enumParam, idParam, repositoryNameParam, withDefault } from "../query.ts";
import { withGitHubProblems } from "../github_problem.ts";
import { RepositorySchema, toRepositoryJson, UnfollowedSchema } from "../repository_schema.ts";

/** GitHub keeps runs for 400 days. */
const MAX_BACKFILL_DAYS = 400;

const LIST = createRoute({
  method: "get",
  path: "/repositories",
  tags: ["repositories"],
  servers: DATA_SERVERS,
  ...requires("read"),
  summary: "List repositories",
  description: "Those that are followed, and others that Runwire has heard of.",
  request: {
    query: paramsSchema({
      followed: enumParam(["true", "false"], { description: "Whether it is followed" }).optional(),
      sort: withDefault(
        enumParam(["pushed", "name"], { description: "What the order goes by" }),
        "pushed",
      ),
      direction: enumParam(["asc", "desc"], {
        description: "By default `desc` by push (the latest first), `asc` by name",
      }).optional(),
      ...PAGE_PARAMETERS,
    }),
  },
  responses: {
    200: { ...jsonResponse(listSchema(RepositorySchema), "Repositories"), ...LINK_HEADER },
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS),
  },
});

const params = paramsSchema({ id: idParam({ description: "GitHub's number of the repository" }) });

const DETAIL = createRoute({
  method: "get",
  path: "/repositories/{id}",
  tags: ["repositories"],
  servers: DATA_SERVERS,
  ...requires("read"),
  summary: "Get a repository",
  request: { params, query: paramsSchema({}) },
  responses: {
    200: jsonResponse(RepositorySchema, "The repository"),
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS, "not_found"),
  },
});

const backfillDays = z.int({ error: `a whole number from 1 to ${MAX_BACKFILL_DAYS}` })
  .min(1, `a whole number from 1 to ${MAX_BACKFILL_DAYS}`)
  .max(MAX_BACKFILL_DAYS, `a whole number from 1 to ${MAX_BACKFILL_DAYS}`)
  .openapi({ description: "Bring in the runs of so many past days too, in the background" });

const FOLLOW = createRoute({
  method: "post",
  path: "/repositories",
  tags: ["repositories"],
  servers: DATA_SERVERS,
  ...requires("write"),
  summary: "Follow a repository",
  description: "GitHub is asked for it, its workflows and its latest runs. A webhook is created " +
    "where PUBLIC_URL and GITHUB_WEBHOOK_SECRET are set and the credential may do so; `webhook` " +
    "says why where there is none, and polling serves the repository.",
  request: {
    body: {
      required: true,
      content: {
        "application/json": {
          schema: bodySchema({
            full_name: repositoryNameParam({ description: "Which one", example: "octo/app" }),
            backfill_days: backfillDays.optional(),
          }),
        },
      },
    },
  },
  responses: {
    201: {
      ...jsonResponse(RepositorySchema, "It is followed from now on"),
      headers: {
        Location: { description: "Where it is shown", schema: { type: "string" as const } },
      },
    },
    ...openApiProblems(
      ...WRITE_PROBLEMS,
      "repository_not_found",
      "repository_forbidden",
      "already_followed",
      "github_unauthorized",
    ),
  },
});

const UNFOLLOW = createRoute({
  method: "delete",
  path: "/repositories/{id}",
  tags: ["repositories"],
  servers: DATA_SERVERS,
  ...requires("write"),
  summary: "Follow a repository no longer",
  description:
    "The webhook that we had created is removed. What is kept of the repository stays, " +
    "unless it is purged: then its runs, workflows and statistics are forgotten, also those of " +
    "one that was not followed any more. Events that told of them stay until their time is over.",
  request: {
    params,
    query: paramsSchema({
      purge: withDefault(
        enumParam(["true", "false"], { description: "Whether to forget its history" }),
        "false",
      ),
    }),
  },
  responses: {
    200: jsonResponse(UnfollowedSchema, "It is not followed any more"),
    ...openApiProblems(...READ_PROBLEMS, "not_found"),
  },
});

export interface RepositoryRoutesOptions {
  readonly catalog: Pick<Catalog, "listRepositories" | "findRepository">;
  readonly following: Pick<FollowManager, "follow" | "unfollow">;
  readonly clock: Clock;
}

/** `GET`, `POST /repositories` and `GET`, `DELETE /repositories/{id}`. */
export function repositoryRoutes(
  { catalog, following, clock }: RepositoryRoutesOptions,
): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { followed, sort, direction, page, per_page: perPage } = context.req.valid("query");
    const { total, repositories } = await catalog.listRepositories({
      visibility: await context.get("principal").visibility(),
      followed: followed === undefined ? undefined : followed === "true",
      sort,
      direction: direction ?? (sort === "name" ? "asc" : "desc"),
      page,
      perPage,
    });
    setPageLinks(context, { page, perPage, total });
    return context.json({ total_count: total, items: repositories.map(toRepositoryJson) }, 200);
  });
  api.openapi(DETAIL, async (context) => {
    const { id } = context.req.valid("param");
    return context.json(await find(id, await context.get("principal").visibility()), 200);
  });
  api.openapi(FOLLOW, async (context) => {
    const { full_name, backfill_days: backfillDays } = context.req.valid("json");
    const principal = context.get("principal");
    // Who sees everything may also ask for what is not known here yet.
    const canRead = await principal.visibility() === "all"
      ? undefined
      : (repository: { readonly id: number; readonly fullName: string }) =>
        principal.canRead(repository);
    const { repository: { id, fullName }, webhook } = await withGitHubProblems(
      full_name,
      () => following.follow(full_name, { backfillDays, canRead }),
      { clock },
    );
    if (!webhook) {
      throw new ProblemError("already_followed", `Cannot follow ${fullName}: it is already`);
    }
    context.header("Location", `${context.req.path}/${id}`);
    const repository = await find(id, "all");
    // Where it is created later, the reason is known here alone.
    return context.json({ ...repository, webhook }, 201);
  });
  api.openapi(UNFOLLOW, async (context) => {
    const { id } = context.req.valid("param");
    const purge = context.req.valid("query").purge === "true";
    const visibility = await context.get("principal").visibility();
    const unfollowed = await following.unfollow(id, { purge, visibility });
    if (!unfollowed) {
      const state = purge ? "known" : "followed";
      throw new ProblemError("not_found", `Cannot leave repository ${id}: it is not ${state}`);
    }
    return context.json(
      { id, runs_purged: unfollowed.runsPurged, webhook_error: unfollowed.webhookError ?? null },
      200,
    );
  });
  return api;

  async function find(id: number, visibility: Visibility) {
    const repository = await catalog.findRepository(id, visibility);
    if (repository) return toRepositoryJson(repository);
    throw new ProblemError("not_found", `Cannot find repository ${id}: it is not known here`);
  }
}
