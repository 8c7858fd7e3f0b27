import { sql } from "kysely";
import { systemClock } from "../../src/clock.ts";
import { ProgressBar } from "../../src/cli/progress.ts";
import type { Run } from "../../src/run/run.ts";
import { type Database, openDatabase } from "../../src/sql/database.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import { mergeRuns } from "../../src/sql/run/run.ts";
import { generateRuns, LAST_DAY, REPOSITORIES, repositoryName } from "./generated_runs.ts";

/** Runs per transaction. */
const BATCH_SIZE = 1_000;

/**
 * Fills an empty database with `count` runs using the program's own transactions, including all derived data. A database
 * with at least as many runs stays unchanged.
 */
export async function fillDatabase(url: string, count: number): Promise<void> {
  await using database = await openDatabase(url, { clock: systemClock });
  await migrate(database);
  const existing = await countRuns(database);
  if (existing >= count) return;
  if (existing > 0) {
    throw new Error(
      `${database.name} already has ${existing} runs: expected none or at least ${count}`,
    );
  }
  await new SqlRepositoryStore(database, systemClock).upsert(
    Array.from({ length: REPOSITORIES }, (_, at) => ({
      id: 1 + at,
      fullName: repositoryName(at),
      pushedAt: `${LAST_DAY}T00:00:${String(at % 60).padStart(2, "0")}Z`,
      defaultBranch: "main",
    })),
  );
  const bar = new ProgressBar(`Filling ${database.name}`, systemClock);
  let done = 0;
  for (const batch of toBatches(generateRuns(count))) {
    await database.write((tx) => mergeRuns(tx, batch));
    bar.show(done += batch.length, count);
  }
  bar.close();
  // Autovacuum would do this some time after the inserts.
  if (database.kind === "postgres") await database.read((db) => sql`vacuum analyze`.execute(db));
}

async function countRuns(database: Database): Promise<number> {
  const { n } = await database.read((db) =>
    db.selectFrom("workflow_runs").select((eb) => eb.fn.countAll().as("n"))
      .executeTakeFirstOrThrow()
  );
  return Number(n);
}

function* toBatches(all: Iterable<Run>): Generator<readonly Run[]> {
  let batch: Run[] = [];
  for (const run of all) {
    if (batch.push(run) < BATCH_SIZE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
