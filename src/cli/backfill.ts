import { systemClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import { GitHubError, type GitHubPausedError, toErrorMessage, UsageError } from "../errors.ts";
import { GitHubRepositories } from "../github/repository.ts";
import { GitHubRuns } from "../github/run.ts";
import { Backfill } from "../run/backfill/backfill.ts";
import type { BackfillJob, BackfillProgress } from "../run/backfill/backfill_progress.ts";
import { RateLimitedSource } from "../run/backfill/rate_limited_source.ts";
import { LOW_SHARE } from "../run/github_rate_limit.ts";
import { SqlRepositoryStore } from "../sql/repository.ts";
import { SqlBackfillStore } from "../sql/run/backfill.ts";
import { parseSince } from "./date_argument.ts";
import { connectDatabase, connectGitHub, environment } from "./environment.ts";
import { sanitize } from "./format.ts";
import { print } from "./print.ts";
import { ProgressBar } from "./progress.ts";

const RESUME_HINT = "run the same command to resume";

/** `runwire backfill owner/repo --since 90d`: imports past runs, until all are imported or `signal` aborts. */
export async function backfill(
  fullName: string,
  { since: text }: { readonly since: string },
  signal: AbortSignal,
): Promise<void> {
  const now = systemClock.now();
  const since = parseSince(text, now);
  const github = connectGitHub(readConfig(environment()));
  await using database = await connectDatabase();
  const repositories = new SqlRepositoryStore(database, systemClock);
  const store = new SqlBackfillStore(database, systemClock);
  const repository = await withUsageErrors(() =>
    new GitHubRepositories(github).findByName(fullName, signal)
  );
  await repositories.upsert([repository]);

  const bar = new ProgressBar(`Importing ${sanitize(repository.fullName)}`, systemClock, {
    estimated: "runs",
  });
  const source = new RateLimitedSource({
    source: new GitHubRuns(github.background(LOW_SHARE)),
    clock: systemClock,
    random: Math.random,
    onPause: (pause) => bar.printLine(formatPause(pause)),
  });
  const repositoryId = repository.id;
  const progress = await store.start({ repositoryId, since, now, isBackground: false });
  const job: BackfillJob = { progress, repository: repository.fullName };
  const importer = new Backfill(job, {
    source,
    store,
    clock: systemClock,
    onEvents: () => {},
    onProgress: ({ runs, estimate }) => bar.show(runs, Math.max(runs, estimate ?? 0)),
  });
  try {
    await withUsageErrors(() => importer.run(signal));
  } catch (error) {
    const reason = signal.aborted ? "Interrupted" : toErrorMessage(error);
    // If this fails too, the state stays "running", and the same command still resumes.
    await store.save(importer.progress, { ...importer.progress, state: "failed", reason }).catch(
      () => {},
    );
    const message = `${reason}: ${summary(job, importer.progress)}; ${RESUME_HINT}`;
    throw error instanceof UsageError
      ? new UsageError(message)
      : new Error(message, { cause: error });
  } finally {
    bar.close();
  }
  if (importer.progress.state === "failed") throw new UsageError(`${importer.progress.reason}`);
  print(`Finished: ${summary(job, importer.progress)}`);
  if (importer.progress.reason !== null) print(importer.progress.reason);
}

/** Permanent GitHub errors become usage errors: only the user can fix their cause. */
async function withUsageErrors<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof GitHubError)) throw error;
    const isPermanent = error.failure.kind === "not_accessible" ||
      error.failure.kind === "unauthorized";
    throw isPermanent ? new UsageError(error.message, { cause: error }) : error;
  }
}

function summary(
  { repository }: BackfillJob,
  { runs, importedFrom, since }: BackfillProgress,
): string {
  const from = new Date(Math.max(importedFrom, since)).toISOString();
  return `imported ${runs} runs of ${sanitize(repository)}, back to ${from}`;
}

function formatPause({ until, message }: GitHubPausedError): string {
  return `Waiting until ${new Date(until).toISOString()}: ${sanitize(message)}`;
}
