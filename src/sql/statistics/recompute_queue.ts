import { sql } from "kysely";
import type { RecomputeQueue } from "../../run/statistics_recompute.ts";
import type { Database } from "../database.ts";
import type { Db, Tx } from "../handles.ts";
import type { RecomputeQueueTable } from "../tables.ts";
import { updateStatistics } from "./update.ts";

/** Runs per transaction: about 10 ms, during which SQLite does nothing else. */
const BATCH_RUNS = 64;

/** Enqueues all runs of a repository, after a change that affects all of them. */
export async function enqueueRecompute(tx: Tx, repository: string): Promise<void> {
  await sql`insert into recompute_queue (repository, after_ms, after_id)
    select lower(${repository}), -1, -1
    where exists (select 1 from workflow_runs where lower(repository) = lower(${repository}))
    on conflict (repository) do update set after_ms = -1, after_id = -1`.execute(tx);
}

/** Stores in SQL which runs are to be recomputed. */
export class SqlRecomputeQueue implements RecomputeQueue {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async countRepositories(): Promise<number> {
    const { count } = await this.#database.read((db) =>
      db.selectFrom("recompute_queue").select((eb) => eb.fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow()
    );
    return count;
  }

  recomputeNext(): Promise<number | undefined> {
    return this.#database.write(recomputeBatch);
  }
}

async function recomputeBatch(tx: Tx): Promise<number | undefined> {
  const entry = await tx.selectFrom("recompute_queue").selectAll().orderBy("repository").limit(1)
    .forUpdate().executeTakeFirst();
  if (!entry) return undefined;
  const runs = await selectRunsAfter(tx, entry);
  await updateStatistics(tx, runs.map(({ id }) => id));
  const last = runs.at(-1);
  if (last && runs.length === BATCH_RUNS) {
    await tx.updateTable("recompute_queue").set({ after_ms: last.created_ms, after_id: last.id })
      .where("repository", "=", entry.repository).execute();
  } else {
    await tx.deleteFrom("recompute_queue").where("repository", "=", entry.repository).execute();
  }
  return runs.length;
}

/** Returns the next runs in the order of creation. Runs stored later are counted anyway. */
async function selectRunsAfter(db: Db, { repository, after_ms, after_id }: RecomputeQueueTable) {
  return await db.selectFrom("workflow_runs").select(["id", "created_ms"])
    .where(sql<string>`lower(repository)`, "=", repository)
    .where(sql<boolean>`(created_ms, id) > (${after_ms}, ${after_id})`)
    .orderBy("created_ms").orderBy("id").limit(BATCH_RUNS).execute();
}
