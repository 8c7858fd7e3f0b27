import type { Kysely } from "kysely";
import { createIndexes, key, notNull, primaryKey } from "../columns.ts";

/** `null` unless the repository exists on GitHub and is followed. Queries must repeat this text to use the indexes. */
const FOLLOWED_MS = "case when removed_ms is null then followed_ms end";
const BY_PUSH = "pushed_ms, id";
/** GitHub compares names without regard to case. */
const BY_NAME = "lower(full_name), id";

export async function createRepositoryTables(db: Kysely<unknown>): Promise<void> {
  await createRepositories(db);
  await createWorkflows(db);
  await createBackfills(db);
}

async function createRepositories(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("repositories")
    .addColumn("id", key(db), primaryKey)
    .addColumn("full_name", "text", notNull)
    .addColumn("pushed_at", "text")
    .addColumn("pushed_ms", "bigint", notNull)
    .addColumn("removed_ms", "bigint")
    .addColumn("default_branch", "text")
    .addColumn("html_url", "text")
    .addColumn("is_private", "integer")
    .addColumn("followed_ms", "bigint")
    .addColumn("polled_ms", "bigint")
    .addColumn("error", "text")
    .addColumn("webhook_id", "bigint")
    .addColumn("webhook_error", "text")
    .execute();
  const followed = `where ${FOLLOWED_MS} is not null`;
  const notFollowed = `where ${FOLLOWED_MS} is null`;
  await createIndexes(db, "repositories", {
    repositories_latest_pushed: "removed_ms, pushed_ms, id",
    repositories_by_push: BY_PUSH,
    repositories_by_name: BY_NAME,
    repositories_followed_by_push: [BY_PUSH, followed],
    repositories_followed_by_name: [BY_NAME, followed],
    repositories_not_followed_by_push: [BY_PUSH, notFollowed],
    repositories_not_followed_by_name: [BY_NAME, notFollowed],
    repositories_with_webhook: ["id", `where webhook_id is not null and ${FOLLOWED_MS} is null`],
  });
}

async function createWorkflows(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("workflows")
    .addColumn("id", key(db), primaryKey)
    .addColumn("repository", "text", notNull)
    .addColumn("name", "text", notNull)
    .addColumn("name_updated_ms", "bigint", notNull)
    .addColumn("path", "text")
    .addColumn("state", "text")
    .addColumn("html_url", "text")
    .execute();
  await createIndexes(db, "workflows", {
    workflows_by_name: "lower(repository), lower(name), id",
  });
}

async function createBackfills(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("backfills")
    .addColumn(
      "repository_id",
      key(db),
      (column) => column.primaryKey().references("repositories.id").onDelete("cascade"),
    )
    .addColumn("since_ms", "bigint", notNull)
    .addColumn("imported_from_ms", "bigint", notNull)
    .addColumn("imported_to_ms", "bigint", notNull)
    .addColumn("runs", "bigint", notNull)
    .addColumn("estimate", "bigint")
    .addColumn("state", "text", notNull)
    .addColumn("error", "text")
    .addColumn("is_background", "integer", notNull)
    .addColumn("updated_ms", "bigint", notNull)
    .execute();
  await createIndexes(db, "backfills", {
    backfills_by_state: "state, is_background, updated_ms, repository_id",
  });
}
