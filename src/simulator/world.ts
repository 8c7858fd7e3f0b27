import type { Clock } from "../clock.ts";
import { listDueChanges, type RepositoryState } from "./due_changes.ts";
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
import {
  applyDue,
  applyNext,
  compareNewestFirst,
  createRun,
  nextAttempt,
  renameRuns,
  type RunFields,
  type ScheduledRun,
  type Timeline,
  toTransitions,
  type WorkflowRun,
} from "./run.ts";
import { timestamp } from "./timestamp.ts";

export interface WorldOptions {
  readonly clock: Clock;
  /** Ids and commits are the same for the same seed. */
  readonly seed?: number;
  /** How many runs of a repository are kept; the oldest go first. */
  readonly maxRuns?: number;
}

/**
 * The state behind the simulated GitHub. Time passes when someone looks: every method first lets happen what
 * was due. A repository is named `owner/name`, in any case, as on GitHub; an unknown name or id throws
 * where something is to be changed, and gives `undefined` where it is only looked for.
 */
export class World {
  /** Who there is, and who may read what. */
  readonly users: Users;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #maxRuns: number;
  readonly #states = new Map<string, RepositoryState>();
  /** By a name that a repository had before, in lower case, its id. */
  readonly #previousNames = new Map<string, number>();
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

  /** Lets `activity` happen from now on; until then the world is quiet: only what its methods do happens. */
  setActivity(activity: Activity): void {
    this.#activity = activity;
  }

  /**
   * Calls `tell` for whatever happens from now on, in its order, also for what is noticed late. It must not call back.
   * Returns how to end it.
   */
  subscribe(emit: (worldEvent: WorldEvent) => void): () => void {
    const now = this.#advanceToNow();
    for (const { runs } of this.#states.values()) {
      for (const [id, scheduled] of runs) runs.set(id, applyDue(scheduled, now));
    }
    this.#listeners.add(emit);
    return () => this.#listeners.delete(emit);
  }

  /** Lets happen what is due, as looking at anything does. */
  advance(): void {
    this.#advanceToNow();
  }

  /** In the order of their ids. */
  repositories(): readonly Repository[] {
    this.#advanceToNow();
    return [...this.#states.values()].map((state) => state.repository).sort((a, b) => a.id - b.id);
  }

  repository(fullName: string): Repository | undefined {
    this.#advanceToNow();
    return this.#states.get(fullName.toLowerCase())?.repository;
  }

  /** The repository that once had that name. */
  findByPreviousName(fullName: string): Repository | undefined {
    const id = this.#previousNames.get(fullName.toLowerCase());
    return this.repositories().find((repository) => repository.id === id);
  }

  block(fullName: string): Block | undefined {
    return this.#states.get(fullName.toLowerCase())?.block;
  }

  /** Newest first; none for an unknown repository. */
  runs(fullName: string): readonly WorkflowRun[] {
    const now = this.#advanceToNow();
    const state = this.#states.get(fullName.toLowerCase());
    return [...state?.runs.values() ?? []].map((scheduled) => applyDue(scheduled, now).run).sort(
      compareNewestFirst,
    );
  }

  run(id: number): WorkflowRun | undefined {
    const now = this.#advanceToNow();
    for (const { runs } of this.#states.values()) {
      const scheduled = runs.get(id);
      if (scheduled) return applyDue(scheduled, now).run;
    }
    return undefined;
  }

  /** Adds a repository, with one workflow `CI` unless told otherwise. */
  addRepository(fields: RepositoryFields): Repository {
    const repository = createRepository(fields, {
      id: this.#lastRepositoryId += 1_017,
      nextWorkflowId: () => this.#lastWorkflowId += 31,
      now: timestamp(this.#advanceToNow()),
    });
    this.#saveState({ repository, runs: new Map(), block: undefined });
    return repository;
  }

  removeRepository(fullName: string): void {
    const at = this.#advanceToNow();
    const { repository } = this.#requireState(fullName);
    this.#states.delete(repository.full_name.toLowerCase());
    this.#emit({ kind: "repository", action: "deleted", at, repository });
  }

  /** Gives a repository another name, also that of another owner; its former one leads to it. */
  renameRepository(fullName: string, to: string): Repository {
    const at = this.#advanceToNow();
    const { repository: { full_name: from }, ...state } = this.#requireState(fullName);
    const repository = { ...this.#requireState(fullName).repository, full_name: to };
    this.#states.delete(from.toLowerCase());
    this.#previousNames.set(from.toLowerCase(), repository.id);
    this.#saveState({ ...state, repository, runs: renameRuns(state.runs, to) });
    const action = from.split("/")[0] === to.split("/")[0] ? "renamed" : "transferred";
    this.#emit({ kind: "repository", action, at, repository, from });
    return repository;
  }

  /** Changes who may see a repository, or what the one who asks may do in it. */
  changeRepository(
    fullName: string,
    fields: Partial<Pick<Repository, "private" | "admin">>,
  ): Repository {
    const at = this.#advanceToNow();
    const state = this.#requireState(fullName);
    const repository = { ...state.repository, ...fields };
    this.#saveState({ ...state, repository });
    if (repository.private === state.repository.private) return repository;
    const action = repository.private ? "privatized" : "publicized";
    this.#emit({ kind: "repository", action, at, repository });
    return repository;
  }

  /** Makes everything in a repository answer with `status`, or as usual again; it stays in the lists. */
  blockRepository(fullName: string, status: Block | undefined): void {
    this.#saveState({ ...this.#requireState(fullName), block: status });
  }

  /** Commits arrive now, and start `runs`. */
  push(
    fullName: string,
    { runs = [{}] }: { readonly runs?: readonly RunFields[] } = {},
  ): readonly WorkflowRun[] {
    const at = this.#advanceToNow();
    return this.#apply({ at, full_name: fullName, hasCommits: true, runs });
  }

  /** Adds a run that is queued now, or whatever `fields` say; `pushed_at` does not move. */
  addRun(fullName: string, fields: RunFields = {}): WorkflowRun {
    const at = this.#advanceToNow();
    return this.#saveRun(this.#createRun(fullName, fields, at), at);
  }

  /** Changes a run; what was ahead of it no longer comes. `updated_at` is now unless given. */
  updateRun(id: number, fields: Omit<RunFields, "id">): WorkflowRun {
    const now = this.#advanceToNow();
    const { timeline, ...changes } = fields;
    const run = { ...this.#requireRun(id), updated_at: timestamp(now), ...changes };
    return this.#saveRun({ run, pending: toTransitions(timeline, now) }, now);
  }

  /** Runs it once more: the same id, the next attempt, queued. */
  rerun(id: number, timeline?: Timeline): WorkflowRun {
    const now = this.#advanceToNow();
    const run = nextAttempt(this.#requireRun(id), now);
    return this.#saveRun({ run, pending: toTransitions(timeline, now) }, now);
  }

  removeRun(id: number): void {
    this.#requireState(this.#requireRun(id).repository).runs.delete(id);
  }

  #advanceToNow(): number {
    const now = this.#clock.now();
    let change;
    while ((change = this.#activity?.next(now))) {
      this.#advanceRuns(change.at);
      if (this.#states.has(change.full_name.toLowerCase())) this.#apply(change);
    }
    this.#advanceRuns(now);
    return now;
  }

  /** Lets runs go on one step at a time, for those who watch; without them a run is settled when someone looks. */
  #advanceRuns(until: number): void {
    if (this.#listeners.size === 0) return;
    for (const { at, id, repository, runs } of listDueChanges(this.#states.values(), until)) {
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

  #apply({ at, full_name, hasCommits: pushed, runs }: ScheduledChange): readonly WorkflowRun[] {
    const scheduledRuns = runs.map((fields) => this.#createRun(full_name, fields, at));
    if (pushed) {
      const state = this.#requireState(full_name);
      const repository = { ...state.repository, pushed_at: timestamp(at) };
      this.#saveState({ ...state, repository });
      this.#emit({ kind: "push", at, repository, run: scheduledRuns[0]?.run });
    }
    return scheduledRuns.map((scheduled) => this.#saveRun(scheduled, at));
  }

  #createRun(fullName: string, { timeline, ...fields }: RunFields, at: number): ScheduledRun {
    const { repository } = this.#requireState(fullName);
    const workflow = repository.workflows.find(({ id }) => id === fields.workflow_id) ??
      repository.workflows[0];
    if (!workflow) throw new Error(`Cannot start a run in "${fullName}": it has no workflow`);
    const run_number = fields.run_number ?? (this.#runNumbers.get(workflow.id) ?? 0) + 1;
    this.#runNumbers.set(workflow.id, run_number);
    const id = this.#lastRunId += 1 + Math.floor(this.#random() * 4_000);
    const head_sha = randomHex(this.#random, 40);
    const run = createRun(fields, { id, head_sha, run_number, at, repository, workflow });
    return { run, pending: toTransitions(timeline, Date.parse(run.created_at)) };
  }

  #saveRun(scheduled: ScheduledRun, at: number): WorkflowRun {
    const { runs, repository } = this.#requireState(scheduled.run.repository);
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

  #saveState(state: RepositoryState): void {
    this.#states.set(state.repository.full_name.toLowerCase(), state);
  }

  #requireState(fullName: string): RepositoryState {
    const state = this.#states.get(fullName.toLowerCase());
    if (!state) {
      throw new Error(`Cannot find repository "${fullName}": the world has none of that name`);
    }
    return state;
  }

  #requireRun(id: number): WorkflowRun {
    const run = this.run(id);
    if (!run) throw new Error(`Cannot find run ${id}: no repository has it`);
    return run;
  }
}
