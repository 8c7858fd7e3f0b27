import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import type { Event, StoredEvent } from "../feed/event.ts";
import {
  type Repository,
  type RepositoryStore,
  toRepositoryEvent,
} from "../repository/repository.ts";
import { incrementAccessEpoch, invalidateAccess } from "./account/access.ts";
import type { Database } from "./database.ts";
import { appendEvents } from "./event_log.ts";
import type { Tx } from "./handles.ts";
import { enqueueRecompute } from "./statistics/recompute_queue.ts";
import type { RepositoryTable } from "./tables.ts";

/** Stores repositories in SQL. */
export class SqlRepositoryStore implements RepositoryStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  upsert(repositories: readonly Repository[]): Promise<readonly StoredEvent[]> {
    return this.#database.write(async (tx) =>
      appendEvents(tx, await mergeRepositories(tx, repositories), { clock: this.#clock })
    );
  }

  markRemoved(ids: readonly number[]): Promise<readonly StoredEvent[]> {
    return this.#database.write(async (tx) =>
      appendEvents(tx, await removeRepositories(tx, ids, { clock: this.#clock }), {
        clock: this.#clock,
      })
    );
  }

  async listRecentlyPushed(count: number): Promise<readonly Repository[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("repositories").selectAll().where("removed_ms", "is", null)
        .orderBy("pushed_ms", "desc").orderBy("id", "desc").limit(count).execute()
    );
    return rows.map(toRepository);
  }
}

/**
 * Inserts or updates repositories; a removed one is no longer removed. `locked` holds the stored rows, which must be locked,
 * and is updated with the table. Returns the events of the changes.
 */
export async function mergeRepositories(
  tx: Tx,
  repositories: readonly Repository[],
  locked?: Map<number, RepositoryTable>,
): Promise<Event[]> {
  const stored = locked ?? await lockRepositories(tx, repositories.map(({ id }) => id));
  const events: Event[] = [];
  let hasNewNames = false;
  const visibilityChanged: number[] = [];
  for (const repository of repositories.toSorted((a, b) => a.id - b.id)) {
    const old = stored.get(repository.id) ?? await insert(tx, repository);
    if (!old) {
      hasNewNames = true;
      if (repository.defaultBranch !== undefined) await enqueueRecompute(tx, repository.fullName);
      events.push(toRepositoryEvent(repository));
      continue;
    }
    const update = toRow({ ...repository, pushedAt: latestPush(toRepository(old), repository) });
    const next = { ...old, ...update };
    if (isSame(next, old)) continue;
    await tx.updateTable("repositories").set(update).where("id", "=", update.id).execute();
    stored.set(next.id, next);
    if (next.full_name !== old.full_name) {
      hasNewNames = true;
      await renameHistory(tx, old, next.full_name);
    }
    if (old.is_private !== null && next.is_private !== old.is_private) {
      visibilityChanged.push(old.id);
    }
    if (!hasSameDefaultBranch(next, old)) await enqueueRecompute(tx, next.full_name);
    if (!isSameForClients(next, old)) events.push(toRepositoryEvent(toRepository(next)));
  }
  if (hasNewNames) await incrementAccessEpoch(tx);
  await invalidateAccess(tx, visibilityChanged);
  return events;
}

/** Marks repositories as removed. Returns no events for unknown or removed ones. */
export async function removeRepositories(
  tx: Tx,
  ids: readonly number[],
  { clock }: { readonly clock: Clock },
): Promise<Event[]> {
  const events: Event[] = [];
  for (const id of ids.toSorted((a, b) => a - b)) {
    const row = await tx.updateTable("repositories").set({ removed_ms: clock.now() })
      .where("id", "=", id).where("removed_ms", "is", null).returningAll().executeTakeFirst();
    if (row) events.push(toRepositoryEvent(toRepository(row), { removed: true }));
  }
  return events;
}

/**
 * Returns the stored repositories with these IDs. Their rows are locked in the order of the IDs, to avoid deadlocks. The keys
 * are not locked, so that other transactions can insert rows that refer to them.
 */
export async function lockRepositories(
  tx: Tx,
  ids: readonly number[],
): Promise<Map<number, RepositoryTable>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.selectFrom("repositories").selectAll().where("id", "in", ids)
    .orderBy("id").forNoKeyUpdate().execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** Returns the existing repository if another transaction inserted it first. */
async function insert(tx: Tx, repository: Repository): Promise<RepositoryTable | undefined> {
  const { numInsertedOrUpdatedRows } = await tx.insertInto("repositories").values(toRow(repository))
    .onConflict((conflict) => conflict.column("id").doNothing()).executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows !== 0n) return undefined;
  return (await lockRepositories(tx, [repository.id])).get(repository.id);
}

/** Moves the history to the new name of a repository. */
async function renameHistory(
  tx: Tx,
  { id, full_name: from }: RepositoryTable,
  to: string,
): Promise<void> {
  await tx.insertInto("previous_names").values({ repository_id: id, name: from })
    .onConflict((conflict) => conflict.doNothing()).execute();
  for (const table of ["workflows", "workflow_runs"] as const) {
    await tx.updateTable(table).set({ repository: to })
      .where(sql`lower(repository)`, "=", sql`lower(${from})`).execute();
  }
}

function latestPush(a: Repository, b: Repository): string | null {
  return pushedMs(b) > pushedMs(a) ? b.pushedAt : a.pushedAt;
}

function pushedMs({ pushedAt }: Repository): number {
  return pushedAt === null ? 0 : Date.parse(pushedAt);
}

/** Whether a repository looks the same to a client. */
function isSameForClients(a: RepositoryTable, b: RepositoryTable): boolean {
  return a.full_name === b.full_name && a.pushed_at === b.pushed_at &&
    a.removed_ms === b.removed_ms;
}

function isSame(a: RepositoryTable, b: RepositoryTable): boolean {
  return isSameForClients(a, b) && a.html_url === b.html_url && a.is_private === b.is_private &&
    a.default_branch === b.default_branch;
}

/** Whether the runs with the name have the same default branch. */
function hasSameDefaultBranch(a: RepositoryTable, b: RepositoryTable): boolean {
  return a.default_branch === b.default_branch && a.full_name === b.full_name;
}

/** Undefined fields do not change their columns. */
function toRow(repository: Repository) {
  const { isPrivate, defaultBranch, htmlUrl } = repository;
  return {
    id: repository.id,
    full_name: repository.fullName,
    pushed_at: repository.pushedAt,
    pushed_ms: pushedMs(repository),
    removed_ms: null,
    ...(isPrivate === undefined ? {} : { is_private: Number(isPrivate) }),
    ...(defaultBranch === undefined ? {} : { default_branch: defaultBranch }),
    ...(htmlUrl === undefined ? {} : { html_url: htmlUrl }),
  };
}

function toRepository(row: RepositoryTable): Repository {
  return { id: row.id, fullName: row.full_name, pushedAt: row.pushed_at };
}
