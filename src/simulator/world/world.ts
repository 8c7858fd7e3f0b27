import type { Clock } from "../../clock.ts";
import {
  type Activity,
  type ScheduledChange,
  toRunPhase,
  type WorldEvent,
} from "./scheduled_change.ts";
import { Users } from "./users.ts";
import { randomHex, seededRandom } from "./random.ts";
import {
  type Block,
  createRepository,
  type Repository,
  type RepositoryFields,
} from "./repository.ts";
import { RepositoryStates } from "./repository_states.ts";
import {
  applyDue,
  applyNext,
  compareNewestFirst,
  createRun,
  nextAttempt,
  type RunFields,
  type ScheduledRun,
  type Timeline,
  toTransitions,
  type WorkflowRun,
} from "./run.ts";
import { timestamp } from "./timestamp.ts";

export interface WorldOptions {
  readonly clock: Clock;
  /** The same seed gives the same ids and commits. */
  readonly seed?: number;
  /** Maximum runs per repository; the oldest are deleted. */
  readonly maxRuns?: number;
}

/**
 * The state of the simulated GitHub. Time advances lazily: every method first applies all due changes. Repositories are named
 * `owner/name`, case-insensitive, as on GitHub. Methods that change an unknown name or id throw; queries return `undefined`.
 */
export class World {
  readonly users: Users;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #maxRuns: number;
  readonly #states = new RepositoryStates();
  readonly #runNumbers = new Map<number, number>();
  readonly #listeners = new Set<(worldEvent: WorldEvent) => void>();
  #activity: Activity | undefined;
  #lastRepositoryId = 812_000_000;
  #lastWorkflowId = 94_000_000;
  #lastRunId = 19_400_000_000;

  constructor({ clock, seed = 1, maxRuns = 300 }: WorldOptions) {
    this.#clock = clock;
    this.#random = seededRandom(seed);
    this.#maxRuns = maxRuns;
    this.users = new Users({
      now: () => clock.now(),
      repositories: () => this.repositories(),
      emit: (worldEvent) => this.#emit(worldEvent),
    });
  }

  /** Starts automatic changes. Without an activity the world only changes through its methods. */
  setActivity(activity: Activity): void {
    this.#activity = activity;
  }

  /**
   * Calls `emit` for every later event, in chronological order, also for events applied late. It must not call the world.
   * Returns a function that unsubscribes.
   */
  subscribe(emit: (worldEvent: WorldEvent) => void): () => void {
    const now = this.#advanceToNow();
    for (const { runs } of this.#states.all()) {
      for (const [id, scheduled] of runs) runs.set(id, applyDue(scheduled, now));
    }
    this.#listeners.add(emit);
    return () => this.#listeners.delete(emit);
  }

  /** Applies all due changes, as every method does. */
  advance(): void {
    this.#advanceToNow();
  }

  /** Ordered by id. */
  repositories(): readonly Repository[] {
    this.#advanceToNow();
    return this.#states.all().map(({ repository }) => repository).sort((a, b) => a.id - b.id);
  }

  repository(fullName: string): Repository | undefined {
    this.#advanceToNow();
    return this.#states.find(fullName)?.repository;
  }

  findByPreviousName(fullName: string): Repository | undefined {
    this.#advanceToNow();
    return this.#states.findByPreviousName(fullName);
  }

  block(fullName: string): Block | undefined {
    return this.#states.find(fullName)?.block;
  }

  /** Newest first; empty for an unknown repository. */
  runs(fullName: string): readonly WorkflowRun[] {
    const now = this.#advanceToNow();
    const state = this.#states.find(fullName);
    return [...state?.runs.values() ?? []].map((scheduled) => applyDue(scheduled, now).run).sort(
      compareNewestFirst,
    );
  }

  run(id: number): WorkflowRun | undefined {
    const now = this.#advanceToNow();
    for (const { runs } of this.#states.all()) {
      const scheduled = runs.get(id);
      if (scheduled) return applyDue(scheduled, now).run;
    }
    return undefined;
  }

  /** Adds a repository, by default with one workflow `CI`. */
  addRepository(fields: RepositoryFields): Repository {
    const repository = createRepository(fields, {
      id: this.#lastRepositoryId += 1_017,
      nextWorkflowId: () => this.#lastWorkflowId += 31,
      now: timestamp(this.#advanceToNow()),
    });
    this.#states.save({ repository, runs: new Map(), block: undefined });
    return repository;
  }

  removeRepository(fullName: string): void {
    const at = this.#advanceToNow();
    const { repository } = this.#states.get(fullName);
    this.#states.remove(fullName);
    this.#emit({ kind: "repository", action: "deleted", at, repository });
  }

  /** Renames a repository, or transfers it to another owner. */
  renameRepository(fullName: string, to: string): Repository {
    const at = this.#advanceToNow();
    const { repository: { full_name: from } } = this.#states.get(fullName);
    const repository = this.#states.rename(from, to);
    const action = from.split("/")[0] === to.split("/")[0] ? "renamed" : "transferred";
    this.#emit({ kind: "repository", action, at, repository, from });
    return repository;
  }

  /** Changes the visibility of a repository, or the caller's admin permission. */
  changeRepository(
    fullName: string,
    fields: Partial<Pick<Repository, "private" | "admin">>,
  ): Repository {
    const at = this.#advanceToNow();
    const state = this.#states.get(fullName);
    const repository = { ...state.repository, ...fields };
    this.#states.save({ ...state, repository });
    if (repository.private === state.repository.private) return repository;
    const action = repository.private ? "privatized" : "publicized";
    this.#emit({ kind: "repository", action, at, repository });
    return repository;
  }

  /** All requests about the repository get `status`; `undefined` ends the block. It stays in the lists. */
  blockRepository(fullName: string, status: Block | undefined): void {
    this.#states.save({ ...this.#states.get(fullName), block: status });
  }

  /** Pushes commits that start `runs`. */
  push(
    fullName: string,
    { runs = [{}] }: { readonly runs?: readonly RunFields[] } = {},
  ): readonly WorkflowRun[] {
    const at = this.#advanceToNow();
    return this.#apply({ at, full_name: fullName, hasCommits: true, runs });
  }

  /** Adds a run, by default queued now; `pushed_at` does not change. */
  addRun(fullName: string, fields: RunFields = {}): WorkflowRun {
    const at = this.#advanceToNow();
    return this.#saveRun(this.#createRun(fullName, fields, at), at);
  }

  /** Changes a run and cancels its pending transitions. `updated_at` is now by default. */
  updateRun(id: number, fields: Omit<RunFields, "id">): WorkflowRun {
    const now = this.#advanceToNow();
    const { timeline, ...changes } = fields;
    const run = { ...this.#requireRun(id), updated_at: timestamp(now), ...changes };
    return this.#saveRun({ run, pending: toTransitions(timeline, now) }, now);
  }

  /** Starts the next attempt of a run, queued. */
  rerun(id: number, timeline?: Timeline): WorkflowRun {
    const now = this.#advanceToNow();
    const run = nextAttempt(this.#requireRun(id), now);
    return this.#saveRun({ run, pending: toTransitions(timeline, now) }, now);
  }

  removeRun(id: number): void {
    this.#states.get(this.#requireRun(id).repository).runs.delete(id);
  }

  #advanceToNow(): number {
    const now = this.#clock.now();
    let change;
    while ((change = this.#activity?.next(now))) {
      this.#advanceRuns(change.at);
      if (this.#states.find(change.full_name)) this.#apply(change);
    }
    this.#advanceRuns(now);
    return now;
  }

  /** Applies transitions one by one for subscribers; without subscribers a run advances when it is read. */
  #advanceRuns(until: number): void {
    if (this.#listeners.size === 0) return;
    for (const { at, id, repository, runs } of this.#states.listDueTransitions(until)) {
      const scheduled = runs.get(id);
      if (!scheduled) continue;
      const { run, pending } = applyNext(scheduled);
      runs.set(id, { run, pending });
      this.#emit({ kind: "run", at, repository, run });
    }
  }

  #emit(worldEvent: WorldEvent): void {
    for (const emit of this.#listeners) emit(worldEvent);
  }

  #apply({ at, full_name, hasCommits, runs }: ScheduledChange): readonly WorkflowRun[] {
    const scheduledRuns = runs.map((fields) => this.#createRun(full_name, fields, at));
    if (hasCommits) {
      const state = this.#states.get(full_name);
      const repository = { ...state.repository, pushed_at: timestamp(at) };
      this.#states.save({ ...state, repository });
      this.#emit({ kind: "push", at, repository, run: scheduledRuns[0]?.run });
    }
    return scheduledRuns.map((scheduled) => this.#saveRun(scheduled, at));
  }

  #createRun(fullName: string, { timeline, ...fields }: RunFields, at: number): ScheduledRun {
    const { repository } = this.#states.get(fullName);
    const workflow = repository.workflows.find(({ id }) => id === fields.workflow_id) ??
      repository.workflows[0];
    if (!workflow) throw new Error(`Repository ${fullName} has no workflow`);
    const run_number = fields.run_number ?? (this.#runNumbers.get(workflow.id) ?? 0) + 1;
    this.#runNumbers.set(workflow.id, run_number);
    const id = this.#lastRunId += 1 + Math.floor(this.#random() * 4_000);
    const head_sha = randomHex(this.#random, 40);
    const run = createRun(fields, { id, head_sha, run_number, at, repository, workflow });
    return { run, pending: toTransitions(timeline, Date.parse(run.created_at)) };
  }

  #saveRun(scheduled: ScheduledRun, at: number): WorkflowRun {
    const { runs, repository } = this.#states.get(scheduled.run.repository);
    const { run } = scheduled;
    const before = runs.get(run.id)?.run;
    runs.set(run.id, scheduled);
    const hasPhaseChanged = !before || before.run_attempt !== run.run_attempt ||
      toRunPhase(before) !== toRunPhase(run);
    if (hasPhaseChanged) this.#emit({ kind: "run", at, repository, run });
    if (runs.size > this.#maxRuns) {
      const oldest = [...runs.values()].map(({ run }) => run).sort(compareNewestFirst).at(-1);
      if (oldest) runs.delete(oldest.id);
    }
    return applyDue(scheduled, this.#clock.now()).run;
  }

  #requireRun(id: number): WorkflowRun {
    const run = this.run(id);
    if (!run) throw new Error(`Run ${id} not found`);
    return run;
  }
}
