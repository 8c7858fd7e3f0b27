import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import type { StoredEvent } from "../feed/event.ts";
import type {
  FollowedRepository,
  FollowStore,
  PendingWebhook,
} from "../repository/follow_store.ts";
import { type Repository, toRepositoryEvent, type Workflow } from "../repository/repository.ts";
import type { WebhookState } from "../repository/webhook.ts";
import type { Database } from "./database.ts";
import { appendEvents } from "./event_log.ts";
import { purgeRepository } from "./purge.ts";
import { mergeRepositories } from "./repository.ts";
import type { RepositoryTable } from "./tables.ts";
import { upsertWorkflows } from "./workflow.ts";

/** The same text as in the indexes (migrations/initial/repository.ts). */
const FOLLOWED_MS = sql`case when removed_ms is null then followed_ms end`;
export const IS_FOLLOWED = sql<boolean>`${FOLLOWED_MS} is not null`;
export const IS_NOT_FOLLOWED = sql<boolean>`${FOLLOWED_MS} is null`;

/** Stores in SQL which repositories are followed. */
export class SqlFollowStore implements FollowStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  follow(
    repository: Repository,
    workflows: readonly Workflow[],
  ): Promise<readonly StoredEvent[] | undefined> {
    const clock = this.#clock;
    return this.#database.write(async (tx) => {
      const merged = await mergeRepositories(tx, [repository]);
      const now = clock.now();
      const initial = { followed_ms: now, polled_ms: now, error: null, webhook_error: null };
      const row = await tx.updateTable("repositories").set(initial)
        .where("id", "=", repository.id).where("followed_ms", "is", null)
        .returning("id").executeTakeFirst();
      await upsertWorkflows(tx, workflows, { repository: repository.fullName, now });
      const isNew = row !== undefined;
      const events = isNew ? [toRepositoryEvent(repository)] : merged;
      const storedEvents = await appendEvents(tx, events, { clock });
      return isNew ? storedEvents : undefined;
    });
  }

  async unfollow(id: number): Promise<PendingWebhook | undefined> {
    const row = await this.#database.write(async (tx) => {
      const old = await tx.selectFrom("repositories").selectAll()
        .where("id", "=", id).where("followed_ms", "is not", null).forUpdate().executeTakeFirst();
      await tx.updateTable("repositories")
        .set({ followed_ms: null, polled_ms: null, error: null, webhook_error: null })
        .where("id", "=", id).execute();
      return old;
    });
    return row && toPendingWebhook(row);
  }

  async listFollowed(): Promise<readonly FollowedRepository[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("repositories").selectAll().where(IS_FOLLOWED)
        .orderBy("pushed_ms", "desc").orderBy("id", "desc").execute()
    );
    return rows.map((row) => ({
      id: row.id,
      fullName: row.full_name,
      pushedAt: row.pushed_at,
      polledAt: row.polled_ms,
      hasWebhook: row.webhook_id !== null,
      error: row.error,
    }));
  }

  async recordPoll(
    id: number,
    { at, error }: { readonly at: number; readonly error: string | null },
  ): Promise<void> {
    await this.#database.write((tx) =>
      tx.updateTable("repositories").set({ polled_ms: at, error })
        .where("id", "=", id).where("followed_ms", "is not", null).execute()
    );
  }

  async listPendingWebhooks(
    { includeFailed }: { readonly includeFailed: boolean },
  ): Promise<readonly PendingWebhook[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("repositories").selectAll().where(IS_FOLLOWED).where("webhook_id", "is", null)
        .$if(!includeFailed, (query) => query.where("webhook_error", "is", null))
        .unionAll(
          db.selectFrom("repositories").selectAll().where(IS_NOT_FOLLOWED)
            .where("webhook_id", "is not", null),
        ).execute()
    );
    return rows.map(toPendingWebhook);
  }

  async saveWebhook(id: number, state: WebhookState | undefined): Promise<void> {
    const webhook_id = state?.state === "active" ? state.id : null;
    const webhook_error = state?.state === "none" ? state.reason : null;
    await this.#database.write((tx) =>
      tx.updateTable("repositories").set({ webhook_id, webhook_error }).where("id", "=", id)
        .execute()
    );
  }

  async findName(id: number): Promise<string | undefined> {
    return (await this.#find(id))?.full_name;
  }

  async purge(id: number, signal: AbortSignal): Promise<number> {
    const row = await this.#find(id);
    return row ? await purgeRepository(this.#database, { id, fullName: row.full_name }, signal) : 0;
  }

  #find(id: number): Promise<RepositoryTable | undefined> {
    return this.#database.read((db) =>
      db.selectFrom("repositories").selectAll().where("id", "=", id).executeTakeFirst()
    );
  }
}

function toPendingWebhook(row: RepositoryTable): PendingWebhook {
  return {
    repositoryId: row.id,
    fullName: row.full_name,
    followedAt: row.removed_ms === null ? row.followed_ms : null,
    webhookId: row.webhook_id,
  };
}
