import { type Kysely, sql } from "kysely";

/** What the catalogue shows of repositories and workflows, and which repositories are followed on request. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const columns = {
    repositories: {
      html_url: "text",
      is_private: "integer",
      followed_ms: "bigint",
      polled_ms: "bigint",
      trouble: "text",
      hook_id: "bigint",
      hook_reason: "text",
    },
    workflows: { path: "text", state: "text", html_url: "text" },
  } as const;
  for (const [table, types] of Object.entries(columns)) {
    for (const [name, type] of Object.entries(types)) {
      await db.schema.alterTable(table).addColumn(name, type).execute();
    }
  }
  await createIndexes(db);
}

/** Names are put in order in any case, as GitHub does. A repository is followed while it is there, once it was asked for. */
async function createIndexes(db: Kysely<unknown>): Promise<void> {
  const followedMs = sql`case when removed_ms is null then followed_ms end`;
  const orders = { by_push: sql`pushed_ms, id`, by_name: sql`lower(full_name), id` };
  for (const [order, columns] of Object.entries(orders)) {
    await sql`create index ${sql.id(`repositories_${order}`)} on repositories (${columns})`
      .execute(db);
    await sql`create index ${sql.id(`repositories_followed_${order}`)} on repositories (${columns})
      where ${followedMs} is not null`.execute(db);
    await sql`create index ${sql.id(`repositories_known_${order}`)} on repositories (${columns})
      where ${followedMs} is null`.execute(db);
  }
  await sql`create index repositories_hooked on repositories (id)
    where hook_id is not null and ${followedMs} is null`.execute(db);
  await db.schema.dropIndex("workflows_of_repository").execute();
  await sql`create index workflows_by_name on workflows (lower(repository), lower(name), id)`
    .execute(db);
}
