import { z } from "@hono/zod-openapi";
import type { CatalogRepository } from "../repository/catalog.ts";

const Timestamp = z.iso.datetime().openapi({ example: "2026-01-01T12:00:00.000Z" });

const WebhookSchema = z.discriminatedUnion("state", [
  z.object({
    state: z.literal("active"),
    id: z.int().openapi({ description: "GitHub's number of it" }),
  }).openapi({ description: "We have created it, and remove it when the repository is left" }),
  z.object({
    state: z.literal("none"),
    reason: z.string().openapi({ description: "In words" }),
  }).openapi({ description: "There is none of ours: polling serves the repository" }),
]).openapi("Webhook");

const BackfillSchema = z.object({
  state: z.enum(["running", "done", "failed"]),
  since: Timestamp,
  imported_from: Timestamp.openapi({ description: "What was created from here on is in" }),
  runs: z.int().min(0).openapi({ description: "Brought in so far" }),
  estimated_runs: z.int().min(0).nullable().openapi({
    description: "How many there will be, by what is known so far",
  }),
  reason: z.string().nullable().openapi({ description: "Why it failed, in words" }),
}).openapi("Backfill");

export const RepositorySchema = z.object({
  id: z.int().openapi({ example: 1296269 }),
  full_name: z.string().openapi({ example: "octo/app" }),
  private: z.boolean().nullable().openapi({ description: "`null` until GitHub has told" }),
  default_branch: z.string().nullable().openapi({ example: "main" }),
  html_url: z.string().nullable().openapi({ example: "https://github.com/octo/app" }),
  pushed_at: z.string().nullable().openapi({ description: "`null` when nothing was ever pushed" }),
  followed: z.boolean(),
  followed_at: Timestamp.nullable(),
  polled_at: Timestamp.nullable().openapi({
    description: "When GitHub was last asked for its runs, to the minute",
  }),
  error: z.string().nullable().openapi({
    description: "Why it cannot be followed any more or just now, in words",
  }),
  webhook: WebhookSchema.nullable().openapi({ description: "`null` when it is not followed" }),
  backfill: BackfillSchema.nullable().openapi({ description: "How far its past is in" }),
}).openapi("Repository");

export const UnfollowedSchema = z.object({
  id: z.int(),
  runs_purged: z.int().min(0).openapi({ description: "Runs that were forgotten" }),
  webhook_error: z.string().nullable().openapi({
    description: "Why the webhook that we had created is still there, in words",
  }),
}).openapi("LeftRepository");

export function toRepositoryJson(repository: CatalogRepository): z.infer<typeof RepositorySchema> {
  const { backfill, followedAt } = repository;
  return {
    id: repository.id,
    full_name: repository.fullName,
    private: repository.isPrivate,
    default_branch: repository.defaultBranch,
    html_url: repository.htmlUrl,
    pushed_at: repository.pushedAt,
    followed: followedAt !== null,
    followed_at: toNullableTimestamp(followedAt),
    polled_at: toNullableTimestamp(repository.polledAt),
    error: repository.error,
    webhook: repository.webhook,
    backfill: backfill && {
      state: backfill.state,
      since: new Date(backfill.since).toISOString(),
      imported_from: new Date(backfill.importedFrom).toISOString(),
      runs: backfill.runs,
      estimated_runs: backfill.estimate,
      reason: backfill.reason,
    },
  };
}

function toNullableTimestamp(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
