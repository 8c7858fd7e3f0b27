import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { RefusedError } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { GitHub } from "../github/client.ts";
import { GitHubWebhooks } from "../github/hook_setup.ts";
import { GitHubRepositories } from "../github/repository.ts";
import { GitHubRuns } from "../github/run.ts";
import { GitHubWorkflows } from "../github/workflow.ts";
import { Following } from "../repository/following.ts";
import { Backfills } from "../run/backfill_job.ts";
import { PatientSource } from "../run/backfill_patience.ts";
import { FollowPoller } from "../run/follow.ts";
import { Look } from "../run/look.ts";
import { type Random, savedUntil } from "../run/pace.ts";
import type { Poller } from "../run/poller.ts";
import { SqlBackfillStore } from "../sql/backfill.ts";
import type { Database } from "../sql/database.ts";
import { SqlFollowStore } from "../sql/follow.ts";
import { SqlRunStore } from "../sql/run.ts";

/** What backfills leave of the limit: as much as the snapshots take in an hour in which every answer is new. */
const SHARE_OF_OTHERS = 0.25;

export interface FollowingPartsOptions {
  readonly config: Config;
  readonly database: Database;
  /** For what one instance alone may write. */
  readonly fenced: Database;
  readonly github: GitHub;
  readonly clock: Clock;
  readonly random: Random;
  readonly poller: Pick<Poller, "isHeldBack" | "heldBackUntil" | "hold">;
  /** The most points of the budget that the snapshots may take in the next `ms`. */
  readonly kept: (ms: number) => number;
  /** Told of what has changed. */
  readonly tell: (events: readonly StoredEvent[]) => void;
}

/** What follows repositories on request: which, their runs, and their past. */
export interface FollowingParts {
  readonly following: Following;
  readonly followPoller: FollowPoller;
  readonly backfills: Backfills;
}

/** The part of App that stands behind `/repositories`. */
export function followingParts(options: FollowingPartsOptions): FollowingParts {
  const { config, database, fenced, github, clock, random, poller, kept, tell } = options;
  const store = new SqlFollowStore(database, clock);
  const runs = new GitHubRuns(github);
  const shared = {
    clock,
    onEvents: tell,
    onRefused: (error: RefusedError) => poller.hold(error),
  };
  const mayAsk = () => !poller.isHeldBack;
  const followPoller = new FollowPoller({
    ...shared,
    random,
    followed: new SqlFollowStore(fenced, clock),
    runs,
    store: new SqlRunStore(fenced, clock),
    budget: () => github.budget,
    kept,
    mayAsk,
    takesWebhooks: config.webhookSecrets.length > 0,
  });
  const backfills = new Backfills({
    ...shared,
    source: new PatientSource({
      source: runs,
      clock,
      random,
      restUntil: () =>
        poller.heldBackUntil ??
          savedUntil(github.budget, { now: clock.now(), share: SHARE_OF_OTHERS }),
      onWait: (_until, refusal) => refusal && poller.hold(refusal),
    }),
    store: new SqlBackfillStore(fenced, clock),
    wishes: new SqlBackfillStore(database, clock),
  });
  // Whoever asks any instance to follow a repository sees its runs at once.
  const look = new Look({ ...shared, runs, store: new SqlRunStore(database, clock) });
  const following = new Following({
    ...shared,
    store,
    repositories: new GitHubRepositories(github),
    workflows: new GitHubWorkflows(github),
    webhooks: new GitHubWebhooks({
      github,
      publicUrl: config.server.publicUrl,
      secret: config.webhookSecrets[0],
    }),
    lookAtRuns: async (fullName, signal) => {
      await look.at(fullName, signal);
    },
    backfills,
    mayAsk,
    onChange: () => followPoller.wake(),
  });
  return { following, followPoller, backfills };
}
