import { systemClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import { messageOf, RefusedError, UsageError } from "../errors.ts";
import { GitHubRepositories } from "../github/repository.ts";
import { GitHubRuns } from "../github/run.ts";
import { Backfill } from "../run/backfill/backfill.ts";
import { RateLimitedSource } from "../run/backfill/rate_limited_source.ts";
import type { BackfillJob, BackfillProgress } from "../run/backfill/backfill_progress.ts";
import { reservedUntil } from "../run/github_rate_limit.ts";
import { SqlBackfillStore } from "../sql/backfill.ts";
import { SqlRepositoryStore } from "../sql/repository.ts";
import { environment } from "./environment.ts";
import { connect, openHere } from "./open.ts";
import { print } from "./print.ts";
import { ProgressBar } from "./progress.ts";
import { parseSince } from "./since.ts";
import { printable } from "./state.ts";

const GO_ON = "the same command goes on there";

/** `runwire backfill owner/repo --since 90d`: brings in the runs of the past, until all are in or `signal` aborts. */
export async function backfill(
  fullName: string,
  { since: text }: { readonly since: string },
  signal: AbortSignal,
): Promise<void> {
  const now = systemClock.now();
  const since = parseSince(text, now);
  const github = connect(readConfig(environment()));
  await using database = await openHere();
  const repositories = new SqlRepositoryStore(database, systemClock);
  const store = new SqlBackfillStore(database, systemClock);
  const repository = await asked(() => new GitHubRepositories(github).findByName(fullName, signal));
  await repositories.upsert([repository]);

  const bar = new ProgressBar(`Bringing in ${printable(repository.fullName)}`, systemClock, {
    estimated: "runs",
  });
  const source = new RateLimitedSource({
    source: new GitHubRuns(github),
    clock: systemClock,
    random: Math.random,
    pausedUntil: () => reservedUntil(github.budget, { now: systemClock.now() }),
    onWait: (until, refusal) => bar.notice(waiting(until, refusal)),
  });
  const repositoryId = repository.id;
  const progress = await store.start({ repositoryId, since, now, isBackground: false });
  const job: BackfillJob = { progress, repository: repository.fullName };
  const work = new Backfill(job, {
    source,
    store,
    clock: systemClock,
    onEvents: () => {},
    onProgress: ({ runs, estimate }) => bar.show(runs, Math.max(runs, estimate ?? 0)),
  });
  try {
    await asked(() => work.run(signal));
  } catch (error) {
    const reason = signal.aborted ? "Interrupted" : messageOf(error);
    // Where that fails too it seems to be under way, and the command goes on all the same.
    await store.save(work.progress, { ...work.progress, state: "failed", reason }).catch(() => {});
    const words = `${reason}: ${summary(job, work.progress)}; ${GO_ON}`;
    throw error instanceof UsageError ? new UsageError(words) : new Error(words, { cause: error });
  } finally {
    bar.close();
  }
  if (work.progress.state === "failed") throw new UsageError(`${work.progress.reason}`);
  print(summary(job, work.progress));
  if (work.progress.reason !== null) print(work.progress.reason);
}

/** What GitHub refuses for good is the user's to change. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const isForGood = error.refusal.kind === "missing" || error.refusal.kind === "unauthorized";
    throw isForGood ? new UsageError(error.message, { cause: error }) : error;
  }
}

function summary({ repository }: BackfillJob, { runs, importedFrom: reached, since }: BackfillProgress): string {
  const from = new Date(Math.max(reached, since)).toISOString();
  return `${runs} runs of ${printable(repository)} are in, back to ${from}`;
}

function waiting(until: number, refusal: RefusedError | undefined): string {
  const why = refusal?.message ?? "most of the rate limit is used, the rest is left to others";
  return `Waiting until ${new Date(until).toISOString()}: ${printable(why)}`;
}
