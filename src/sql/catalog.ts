import { type RawBuilder, sql } from "kysely";
import type {
  Catalog,
  CatalogRepository,
  CatalogWorkflow,
  RepositoryQuery,
  WorkflowQuery,
} from "../repository/catalog.ts";
import type { WebhookState } from "../repository/webhook.ts";
import { isVisible, type Visibility } from "../visibility.ts";
import { limitOffset, narrowVisibility, visibleCondition } from "./clauses.ts";
import type { Database } from "./database.ts";
import { IS_FOLLOWED, IS_NOT_FOLLOWED } from "./follow_store.ts";
import type { Db } from "./handles.ts";
import type { BackfillTable, RepositoryTable, WorkflowTable } from "./tables.ts";

const REMOVED_REASON = "Deleted on GitHub, or no longer accessible to the App";
const PENDING_REASON = "Not created yet";

/** Reads repositories and their workflows from SQL. */
export class SqlCatalog implements Catalog {
  readonly #database: Pick<Database, "read">;

  constructor(database: Pick<Database, "read">) {
    this.#database = database;
  }

  listRepositories(
    query: RepositoryQuery,
  ): Promise<{ readonly total: number; readonly repositories: readonly CatalogRepository[] }> {
    return this.#database.read(async (db) => {
      const matching = selectRepositories(db, query);
      const { total } = await matching.select((eb) => eb.fn.countAll().as("total"))
        .executeTakeFirstOrThrow();
      const sortKey: RawBuilder<unknown> = query.sort === "name"
        ? sql`lower(full_name)`
        : sql`pushed_ms`;
      const rows = await matching.selectAll()
        .orderBy(sortKey, query.direction).orderBy("id", query.direction)
        .$call(limitOffset(query)).execute();
      const backfills = await findBackfills(db, rows);
      const repositories = rows.map((row) => toCatalogRepository(row, backfills.get(row.id)));
      return { total: Number(total), repositories };
    });
  }

  findRepository(id: number, visibility: Visibility): Promise<CatalogRepository | undefined> {
    return this.#database.read(async (db) => {
      const row = await db.selectFrom("repositories").selectAll().where("id", "=", id)
        .executeTakeFirst();
      if (!row || !isVisible(visibility, row.full_name)) return undefined;
      return toCatalogRepository(row, (await findBackfills(db, [row])).get(id));
    });
  }

  listWorkflows(
    { visibility, repository, ...page }: WorkflowQuery,
  ): Promise<{ readonly total: number; readonly workflows: readonly CatalogWorkflow[] }> {
    return this.#database.read(async (db) => {
      const condition = visibleCondition(
        db,
        narrowVisibility({ visibility, repository }),
        sql`lower(repository)`,
      );
      const all = db.selectFrom("workflows");
      const visible = condition ? all.where(condition) : all;
      const isFiltered = repository !== undefined;
      const matching = isFiltered
        ? visible.where(sql`lower(repository)`, "=", sql`lower(${repository})`)
        : visible;
      const { total } = await matching.select((eb) => eb.fn.countAll().as("total"))
        .executeTakeFirstOrThrow();
      const rows = await matching.selectAll()
        .$if(!isFiltered, (query) => query.orderBy(sql`lower(repository)`))
        .orderBy(sql`lower(name)`).orderBy("id").$call(limitOffset(page)).execute();
      return { total: Number(total), workflows: rows.map(toCatalogWorkflow) };
    });
  }

  findWorkflow(id: number, visibility: Visibility): Promise<CatalogWorkflow | undefined> {
    return this.#database.read(async (db) => {
      const row = await db.selectFrom("workflows").selectAll().where("id", "=", id)
        .executeTakeFirst();
      return row && isVisible(visibility, row.repository) ? toCatalogWorkflow(row) : undefined;
    });
  }
}

function selectRepositories(db: Db, { visibility, followed }: RepositoryQuery) {
  const condition = visibleCondition(db, visibility, sql`lower(full_name)`);
  const all = db.selectFrom("repositories");
  const visible = condition ? all.where(condition) : all;
  if (followed === undefined) return visible;
  return visible.where(followed ? IS_FOLLOWED : IS_NOT_FOLLOWED);
}

async function findBackfills(
  db: Db,
  repositories: readonly { readonly id: number }[],
): Promise<ReadonlyMap<number, BackfillTable>> {
  if (repositories.length === 0) return new Map();
  const rows = await db.selectFrom("backfills").selectAll()
    .where("repository_id", "in", repositories.map(({ id }) => id)).execute();
  return new Map(rows.map((row) => [row.repository_id, row]));
}

function toCatalogRepository(row: RepositoryTable, backfill: BackfillTable | undefined) {
  const isRemoved = row.removed_ms !== null;
  const repository: CatalogRepository = {
    id: row.id,
    fullName: row.full_name,
    isPrivate: row.is_private === null ? null : row.is_private === 1,
    defaultBranch: row.default_branch,
    htmlUrl: row.html_url,
    pushedAt: row.pushed_at,
    followedAt: isRemoved ? null : row.followed_ms,
    polledAt: row.polled_ms,
    error: isRemoved ? REMOVED_REASON : row.error,
    webhook: isRemoved || row.followed_ms === null ? null : toWebhookState(row),
    backfill: backfill === undefined ? null : {
      state: backfill.state,
      since: backfill.since_ms,
      importedFrom: backfill.imported_from_ms,
      runs: backfill.runs,
      estimate: backfill.estimate,
      reason: backfill.error,
    },
  };
  return repository;
}

function toWebhookState({ webhook_id, webhook_error }: RepositoryTable): WebhookState {
  if (webhook_id !== null) return { state: "active", id: webhook_id };
  return { state: "none", reason: webhook_error ?? PENDING_REASON };
}

function toCatalogWorkflow(row: WorkflowTable): CatalogWorkflow {
  return {
    id: row.id,
    repository: row.repository,
    name: row.name,
    path: row.path,
    state: row.state,
    htmlUrl: row.html_url,
  };
}
