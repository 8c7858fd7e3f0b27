import { CHANGES, DEPENDENCY_CHANGES, LOGINS } from "./demo_data.ts";
import type { Activity, ScheduledChange } from "./scheduled_change.ts";
import { pick, pickWeighted, randomHex, randomInteger } from "./random.ts";
import type { Repository } from "./repository.ts";
import type { RunFields, Timeline } from "./run.ts";

export type Trigger = "push" | "pull_request" | "schedule" | "workflow_dispatch";

export interface WorkflowProfile {
  readonly workflow_id: number;
  readonly name: string;
  readonly on: readonly Trigger[];
  /** Minimum and maximum duration. */
  readonly seconds: readonly [number, number];
}

/** A repository with its workflows; `weight` is its share of the activity. */
export interface RepositoryProfile {
  readonly repository: Repository;
  readonly weight: number;
  readonly workflows: readonly WorkflowProfile[];
}

const MEAN_INTERVAL_MS = 10_000;
const MAX_INTERVAL_MS = 40_000;
const TRIGGERS: readonly (readonly [Trigger, number])[] = [
  ["push", 55],
  ["pull_request", 33],
  ["workflow_dispatch", 7],
  ["schedule", 5],
];
const CONCLUSIONS: readonly (readonly [string, number])[] = [
  ["success", 84],
  ["failure", 12],
  ["cancelled", 4],
];

/** A simulated team: one change about every ten seconds, more often in repositories with a higher weight. */
export class TeamActivity implements Activity {
  readonly #profiles: readonly RepositoryProfile[];
  readonly #random: () => number;
  #nextAt: number;
  #lastPullRequest = 480;

  /** `start` is the time of the first change, in ms since the epoch. */
  constructor(profiles: readonly RepositoryProfile[], { random, start }: {
    readonly random: () => number;
    readonly start: number;
  }) {
    this.#profiles = profiles;
    this.#random = random;
    this.#nextAt = start;
  }

  next(until: number): ScheduledChange | undefined {
    if (this.#nextAt > until) return undefined;
    const at = this.#nextAt;
    this.#nextAt += Math.min(MAX_INTERVAL_MS, -Math.log(1 - this.#random()) * MEAN_INTERVAL_MS);
    const profile = pickWeighted(this.#random, this.#profiles.map((each) => [each, each.weight]));
    const event = this.#pickTrigger(profile);
    const pushed = event === "push" || event === "pull_request";
    return {
      at,
      full_name: profile.repository.full_name,
      hasCommits: pushed,
      runs: this.#createRuns(profile, event),
    };
  }

  #pickTrigger({ workflows }: RepositoryProfile): Trigger {
    const available = TRIGGERS.filter(([trigger]) =>
      workflows.some(({ on }) => on.includes(trigger))
    );
    return pickWeighted(this.#random, available);
  }

  /** Runs of one or two workflows started by the event, all for the same commit. */
  #createRuns({ workflows, repository }: RepositoryProfile, event: Trigger): readonly RunFields[] {
    const started = workflows.filter(({ on }) => on.includes(event));
    const isSingleRun = event === "schedule" || event === "workflow_dispatch";
    const chosen = isSingleRun
      ? [pick(this.#random, started)]
      : started.slice(0, randomInteger(this.#random, [1, 2]));
    const commit = this.#createCommit(event, repository.default_branch);
    return chosen.map(({ workflow_id, name, seconds }) => ({
      workflow_id,
      event,
      ...commit,
      display_title: isSingleRun ? name : commit.display_title,
      timeline: this.#createTimeline(seconds),
    }));
  }

  #createCommit(event: Trigger, defaultBranch: string) {
    const isBot = event === "pull_request" && this.#random() < 0.2;
    const [branch, title] = pick(this.#random, isBot ? DEPENDENCY_CHANGES : CHANGES);
    const merged = event !== "pull_request" && (event !== "push" || this.#random() < 0.6);
    const number = ++this.#lastPullRequest;
    return {
      actor: isBot ? "dependabot[bot]" : pick(this.#random, LOGINS),
      head_branch: merged ? defaultBranch : branch,
      display_title: merged ? `${title} (#${number})` : title,
      head_sha: randomHex(this.#random, 40),
    };
  }

  #createTimeline(seconds: readonly [number, number]): Timeline {
    const conclusion = pickWeighted(this.#random, CONCLUSIONS);
    const duration = randomInteger(this.#random, seconds);
    const runnersBusy = this.#random() < 0.1;
    return {
      queued_seconds: randomInteger(this.#random, runnersBusy ? [15, 40] : [2, 9]),
      running_seconds: conclusion === "success"
        ? duration
        : Math.ceil(duration * (0.3 + 0.6 * this.#random())),
      conclusion,
    };
  }
}
