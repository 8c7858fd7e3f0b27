import { z } from "@hono/zod-openapi";
import type { Clock } from "../../clock.ts";
import type { Catalog, CatalogRepository } from "../../repository/catalog.ts";
import type { FollowManager } from "../../repository/follow_manager.ts";
import type { Visibility } from "../../visibility.ts";
import {
  type Api,
  apiRoute,
  bodyRoute,
  created,
  DATA_SERVERS,
  newApi,
  nullable,
  ok,
} from "../api.ts";
import { withGitHubProblems } from "../github_problem.ts";
import { okList, PAGE_PARAMETERS, setPageLinks } from "../pagination.ts";
import {
  bodySchema,
  enumParam,
  idParam,
  paramsSchema,
  repositoryNameParam,
  withDefault,
} from "../params.ts";
import { notFoundProblem, ProblemError } from "../problem.ts";
import { requires } from "../security.ts";
import { Timestamp, toTimestamp } from "../timestamp.ts";

/** GitHub deletes runs after 400 days. */
const MAX_BACKFILL_DAYS = 400;
const BACKFILL_DAYS_RULE = `an integer from 1 to ${MAX_BACKFILL_DAYS}`;

const WebhookSchema = z.discriminatedUnion("state", [
  z.object({
    state: z.literal("active"),
    id: z.int().openapi({ description: "GitHub webhook ID" }),
  }).openapi({
    description: "Created by Runwire, which deletes it when the repository is unfollowed",
  }),
  z.object({
    state: z.literal("none"),
    reason: z.string().openapi({ description: "Human-readable reason" }),
  }).openapi({ description: "No webhook; the repository is polled" }),
]).openapi("Webhook");

const BackfillSchema = z.object({
  state: z.enum(["running", "done", "failed"]),
  since: Timestamp,
  imported_from: Timestamp.openapi({ description: "Runs created since this time are imported" }),
  runs: z.int().min(0).openapi({ description: "Runs imported so far" }),
  estimated_runs: z.int().min(0).nullable().openapi({
    description: "Estimated total",
  }),
  reason: z.string().nullable().openapi({ description: "Human-readable reason of a failure" }),
}).openapi("Backfill");

const RepositorySchema = z.object({
  id: z.int().openapi({ example: 1296269 }),
  full_name: z.string().openapi({ example: "octo/app" }),
  private: z.boolean().nullable().openapi({ description: "`null` until received from GitHub" }),
  default_branch: z.string().nullable().openapi({ example: "main" }),
  html_url: z.string().nullable().openapi({ example: "https://github.com/octo/app" }),
  pushed_at: z.string().nullable().openapi({ description: "`null` if nothing was ever pushed" }),
  followed: z.boolean(),
  followed_at: Timestamp.nullable(),
  polled_at: Timestamp.nullable().openapi({
    description: "Time of the last poll, to the minute",
  }),
  error: z.string().nullable().openapi({
    description: "Why the repository cannot currently be polled",
  }),
  webhook: nullable(WebhookSchema, "`null` if not followed"),
  backfill: nullable(BackfillSchema, "Backfill progress"),
}).openapi("Repository");

const UnfollowedSchema = z.object({
  id: z.int(),
  runs_purged: z.int().min(0).openapi({ description: "Deleted runs" }),
  webhook_error: z.string().nullable().openapi({
    description: "Why the webhook created by Runwire could not be deleted",
  }),
}).openapi("UnfollowedRepository");

const NewRepositorySchema = bodySchema({
  full_name: repositoryNameParam({ description: "Name on GitHub", example: "octo/app" }),
  backfill_days: z.int({ error: BACKFILL_DAYS_RULE })
    .min(1, BACKFILL_DAYS_RULE)
    .max(MAX_BACKFILL_DAYS, BACKFILL_DAYS_RULE)
    .optional()
    .openapi({ description: "Also import this many days of history, in the background" }),
}).openapi("NewRepository");

const params = paramsSchema({ id: idParam({ description: "GitHub repository ID" }) });

const LIST = apiRoute({
  operationId: "listRepositories",
  tag: "repositories",
  method: "get",
  path: "/repositories",
  servers: DATA_SERVERS,
  access: requires("read"),
  summary: "List repositories",
  description: "Followed repositories, and others that Runwire has received events of.",
  query: paramsSchema({
    followed: enumParam(["true", "false"], {
      description: "Only followed / unfollowed repositories",
    }).optional(),
    sort: withDefault(enumParam(["pushed", "name"], { description: "Sort field" }), "pushed"),
    direction: enumParam(["asc", "desc"], {
      description: "Sort direction; by default `desc` for `pushed`, `asc` for `name`",
    }).optional(),
    ...PAGE_PARAMETERS,
  }),
  returns: okList("RepositoryList", RepositorySchema, "Repositories"),
});

const DETAIL = apiRoute({
  operationId: "getRepository",
  tag: "repositories",
  method: "get",
  path: "/repositories/{id}",
  servers: DATA_SERVERS,
  access: requires("read"),
  summary: "Get a repository",
  params,
  returns: ok(RepositorySchema, "The repository"),
  problems: ["not_found"],
});

const FOLLOW = bodyRoute({
  operationId: "followRepository",
  tag: "repositories",
  method: "post",
  path: "/repositories",
  servers: DATA_SERVERS,
  access: requires("write"),
  summary: "Follow a repository",
  description: "Loads the repository, its workflows and its latest runs from GitHub. Creates a " +
    "webhook if PUBLIC_URL and GITHUB_WEBHOOK_SECRET are set and the credentials allow it; " +
    "otherwise the repository is polled, and `webhook` has the reason.",
  body: NewRepositorySchema,
  returns: created(RepositorySchema, "The followed repository", "URL of the repository"),
  problems: [
    "repository_not_found",
    "repository_forbidden",
    "already_followed",
    "github_unauthorized",
  ],
});

const UNFOLLOW = apiRoute({
  operationId: "unfollowRepository",
  tag: "repositories",
  method: "delete",
  path: "/repositories/{id}",
  servers: DATA_SERVERS,
  access: requires("write"),
  summary: "Unfollow a repository",
  description:
    "Deletes the webhook that Runwire created. The history of the repository is retained, " +
    "unless `purge` is set: then its runs, workflows and statistics are deleted, even if the " +
    "repository is no longer followed. Events about them are retained until they expire.",
  params,
  query: paramsSchema({
    purge: withDefault(
      enumParam(["true", "false"], { description: "Delete its history" }),
      "false",
    ),
  }),
  returns: ok(UnfollowedSchema, "The unfollowed repository"),
  problems: ["not_found"],
});

interface RepositoryRoutesOptions {
  readonly catalog: Pick<Catalog, "listRepositories" | "findRepository">;
  readonly followManager: Pick<FollowManager, "follow" | "unfollow">;
  readonly clock: Clock;
}

/** `GET`, `POST /repositories` and `GET`, `DELETE /repositories/{id}`. */
export function repositoryRoutes({ catalog, followManager, clock }: RepositoryRoutesOptions): Api {
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
    // Callers with full access may also follow repositories that are not stored yet.
    const canRead = await principal.visibility() === "all"
      ? undefined
      : (repository: { readonly id: number; readonly fullName: string }) =>
        principal.canRead(repository);
    const { repository: { id, fullName }, webhook } = await withGitHubProblems(
      full_name,
      () => followManager.follow(full_name, { backfillDays, canRead }),
      { clock },
    );
    if (!webhook) {
      throw new ProblemError("already_followed", `${fullName} is already followed`);
    }
    context.header("Location", `${context.req.path}/${id}`);
    const repository = await find(id, "all");
    // The reason is not stored yet if the webhook is created later.
    return context.json({ ...repository, webhook }, 201);
  });
  api.openapi(UNFOLLOW, async (context) => {
    const { id } = context.req.valid("param");
    const purge = context.req.valid("query").purge === "true";
    const visibility = await context.get("principal").visibility();
    const unfollowed = await followManager.unfollow(id, { purge, visibility });
    if (!unfollowed) {
      if (purge) throw notFoundProblem("Repository", id);
      throw new ProblemError("not_found", `Repository ${id} is not followed`);
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
    throw notFoundProblem("Repository", id);
  }
}

function toRepositoryJson(repository: CatalogRepository): z.infer<typeof RepositorySchema> {
  const { backfill, followedAt } = repository;
  return {
    id: repository.id,
    full_name: repository.fullName,
    private: repository.isPrivate,
    default_branch: repository.defaultBranch,
    html_url: repository.htmlUrl,
    pushed_at: repository.pushedAt,
    followed: followedAt !== null,
    followed_at: toTimestamp(followedAt),
    polled_at: toTimestamp(repository.polledAt),
    error: repository.error,
    webhook: repository.webhook,
    backfill: backfill && {
      state: backfill.state,
      since: toTimestamp(backfill.since),
      imported_from: toTimestamp(backfill.importedFrom),
      runs: backfill.runs,
      estimated_runs: backfill.estimate,
      reason: backfill.reason,
    },
  };
}
