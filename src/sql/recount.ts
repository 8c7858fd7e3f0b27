import { sql } from "kysely";
import type { RecomputeQueue } from "../run/statistics_recompute.ts";
import type { Database, Db, Tx } from "./database.ts";
import { countRuns } from "./statistics_keep.ts";
import type { RecountTable } from "./tables.ts";

/** Runs that one transaction counts: on SQLite nothing else is done meanwhile, and it takes some 10 ms. */
const RUNS = 64;

/** Has all runs of a repository counted again, where something has changed that concerns them all. */
export async function recountLater(tx: Tx, repository: string): Promise<void> {
  await sql`insert into recounts (repository, after_ms, after_id)
    select lower(${repository}), -1, -1
    where exists (select 1 from workflow_runs where lower(repository) = lower(${repository}))
    on conflict (repository) do update set after_ms = -1, after_id = -1`.execute(tx);
}

/** Which runs are to be counted again, in SQL. */
export class SqlRecounts implements RecomputeQueue {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async countRepositories(): Promise<number> {
    const { count } = await this.#database.read((db) =>
      db.selectFrom("recounts").select((eb) => eb.fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow()
    );
    return count;
  }

  recomputeNext(): Promise<number | undefined> {
    return this.#database.write(countNext);
  }
}

async function countNext(tx: Tx): Promise<number | undefined> {
  const due = await tx.selectFrom("recounts").selectAll().orderBy("repository").limit(1)
    .forUpdate().executeTakeFirst();
  if (!due) return undefined;
  const runs = await runsAfter(tx, due);
  await countRuns(tx, runs.map(({ id }) => id));
  const last = runs.at(-1);
  if (last && runs.length === RUNS) {
    await tx.updateTable("recounts").set({ after_ms: last.created_ms, after_id: last.id })
      .where("repository", "=", due.repository).execute();
  } else {
    await tx.deleteFrom("recounts").where("repository", "=", due.repository).execute();
  }
  return runs.length;
}

/** The next ones by creation. One that is created later is counted as it comes. */
async function runsAfter(db: Db, { repository, after_ms, after_id }: RecountTable) {
  return await db.selectFrom("workflow_runs").select(["id", "created_ms"])
    .where(sql<string>`lower(repository)`, "=", repository)
    .where(sql<boolean>`(created_ms, id) > (${after_ms}, ${after_id})`)
    .orderBy("created_ms").orderBy("id").limit(RUNS).execute();
}
