import { CHANGES, DEPENDENCY_CHANGES, PEOPLE } from "./demo_texts.ts";
import type { Activity, Happening } from "./occurrence.ts";
import { between, hex, pick, weighted } from "./random.ts";
import type { Repository } from "./repository.ts";
import type { RunFields, Timeline } from "./run.ts";

export type Trigger = "push" | "pull_request" | "schedule" | "workflow_dispatch";

/** How a workflow behaves. */
export interface WorkflowHabit {
  readonly workflow_id: number;
  readonly name: string;
  readonly on: readonly Trigger[];
  /** How long it runs, from and to. */
  readonly seconds: readonly [number, number];
}

/** How busy a repository is, compared with the others, and what its workflows do. */
export interface RepositoryHabit {
  readonly repository: Repository;
  readonly weight: number;
  readonly workflows: readonly WorkflowHabit[];
}

const MEAN_GAP_MS = 10_000;
const LONGEST_GAP_MS = 40_000;
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

/** People at work: something happens about every ten seconds, more often in busier repositories. */
export class TeamAtWork implements Activity {
  readonly #habits: readonly RepositoryHabit[];
  readonly #random: () => number;
  #nextAt: number;
  #lastPullRequest = 480;

  /** From `start` on, in ms since the epoch. */
  constructor(habits: readonly RepositoryHabit[], { random, start }: {
    readonly random: () => number;
    readonly start: number;
  }) {
    this.#habits = habits;
    this.#random = random;
    this.#nextAt = start;
  }

  next(until: number): Happening | undefined {
    if (this.#nextAt > until) return undefined;
    const at = this.#nextAt;
    this.#nextAt += Math.min(LONGEST_GAP_MS, -Math.log(1 - this.#random()) * MEAN_GAP_MS);
    const habit = weighted(this.#random, this.#habits.map((each) => [each, each.weight]));
    const event = this.#trigger(habit);
    const pushed = event === "push" || event === "pull_request";
    return { at, full_name: habit.repository.full_name, pushed, runs: this.#runs(habit, event) };
  }

  #trigger({ workflows }: RepositoryHabit): Trigger {
    const known = TRIGGERS.filter(([trigger]) => workflows.some(({ on }) => on.includes(trigger)));
    return weighted(this.#random, known);
  }

  /** One or two of the workflows that the event starts, all for the same commit. */
  #runs({ workflows, repository }: RepositoryHabit, event: Trigger): readonly RunFields[] {
    const started = workflows.filter(({ on }) => on.includes(event));
    const alone = event === "schedule" || event === "workflow_dispatch";
    const chosen = alone
      ? [pick(this.#random, started)]
      : started.slice(0, between(this.#random, [1, 2]));
    const commit = this.#commit(event, repository.default_branch);
    return chosen.map(({ workflow_id, name, seconds }) => ({
      workflow_id,
      event,
      ...commit,
      display_title: alone ? name : commit.display_title,
      timeline: this.#timeline(seconds),
    }));
  }

  #commit(event: Trigger, defaultBranch: string) {
    const byBot = event === "pull_request" && this.#random() < 0.2;
    const [branch, title] = pick(this.#random, byBot ? DEPENDENCY_CHANGES : CHANGES);
    const merged = event !== "pull_request" && (event !== "push" || this.#random() < 0.6);
    const number = ++this.#lastPullRequest;
    return {
      actor: byBot ? "dependabot[bot]" : pick(this.#random, PEOPLE),
      head_branch: merged ? defaultBranch : branch,
      display_title: merged ? `${title} (#${number})` : title,
      head_sha: hex(this.#random, 40),
    };
  }

  #timeline(seconds: readonly [number, number]): Timeline {
    const conclusion = weighted(this.#random, CONCLUSIONS);
    const whole = between(this.#random, seconds);
    const runnersBusy = this.#random() < 0.1;
    return {
      queued_seconds: between(this.#random, runnersBusy ? [15, 40] : [2, 9]),
      running_seconds: conclusion === "success"
        ? whole
        : Math.ceil(whole * (0.3 + 0.6 * this.#random())),
      conclusion,
    };
  }
}
