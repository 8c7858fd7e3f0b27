import type { Job } from "../../run/history.ts";
import type { AttemptId, JobStore } from "../../run/polling/job_collector.ts";
import type { Database } from "../database.ts";
import type { Db } from "../handles.ts";
import { RunBatch } from "./run_batch.ts";

type MissingJobsQuery = Parameters<JobStore["listMissing"]>[0];

/** Before every other time. */
const UNKNOWN_TIME = "1970-01-01T00:00:00Z";

/** Stores jobs in SQL. */
export class SqlJobStore implements JobStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async put(jobs: readonly Job[]): Promise<void> {
    await this.#database.write(async (tx) => {
      const batch = await RunBatch.lock(tx, { runs: [], jobs });
      for (const job of jobs) batch.addJob({ job, at: statusTime(job) });
      await batch.write();
    });
  }

  listMissing(query: MissingJobsQuery): Promise<readonly AttemptId[]> {
    return this.#database.read((db) => selectMissing(db, query));
  }
}

/** When a job reached its status, as far as GitHub reports it. */
function statusTime({ status, createdAt, startedAt, completedAt }: Job): string {
  const created = createdAt ?? UNKNOWN_TIME;
  if (status === "completed") return completedAt ?? startedAt ?? created;
  return status === "in_progress" ? startedAt ?? created : created;
}

async function selectMissing(
  db: Db,
  { from, before, among }: MissingJobsQuery,
): Promise<readonly AttemptId[]> {
  return await db
    .selectFrom((eb) =>
      eb.selectFrom("workflow_runs").select(["id", "repository", "run_attempt", "updated_ms"])
        .where("is_unfinished", "=", 0).where("updated_ms", ">=", from)
        .where("updated_ms", "<", before)
        .orderBy("updated_ms", "desc").orderBy("id", "desc").limit(among).as("r")
    )
    .select(["r.id", "r.repository", "r.run_attempt as runAttempt"])
    .where(({ or, not, exists, selectFrom }) => {
      const jobs = selectFrom("jobs as j").select("j.id").whereRef("j.run_id", "=", "r.id")
        .whereRef("j.run_attempt", "=", "r.run_attempt");
      return or([not(exists(jobs)), exists(jobs.where("j.status_rank", "<", 2))]);
    })
    .orderBy("r.updated_ms", "desc").orderBy("r.id", "desc").execute();
}
