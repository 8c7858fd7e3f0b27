import type { Clock } from "../clock.ts";
import { dueSteps, type RepositoryState } from "./due_steps.ts";
import { type Activity, type Happening, type Occurrence, progressOf } from "./occurrence.ts";
import { People } from "./people.ts";
import { hex, seededRandom } from "./random.ts";
import { type Block, newRepository, type Repository, type RepositoryFields } from "./repository.ts";
import {
  newestFirst,
  newRun,
  renamed,
  restart,
  type RunCourse,
  type RunFields,
  settle,
  step,
  type Timeline,
  transitions,
  type WorkflowRun,
} from "./run.ts";
import { timestamp } from "./timestamp.ts";

export interface WorldOptions {
  readonly clock: Clock;
  /** Ids and commits are the same for the same seed. */
  readonly seed?: number;
  /** How many runs of a repository are kept; the oldest go first. */
  readonly runsKept?: number;
}

/**
 * The state behind the simulated GitHub. Time passes when someone looks: every method first lets happen what
 * was due. A repository is named `owner/name`, in any case, as on GitHub; an unknown name or id throws
 * where something is to be changed, and gives `undefined` where it is only looked for.
 */
export class World {
  /** Who there is, and who may read what. */
  readonly people: People;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #runsKept: number;
  readonly #states = new Map<string, RepositoryState>();
  /** By a name that a repository had before, in lower case, its id. */
  readonly #formerNames = new Map<string, number>();
  readonly #runNumbers = new Map<number, number>();
  readonly #watchers = new Set<(occurrence: Occurrence) => void>();
  #activity: Activity | undefined;
  #lastRepositoryId = 812_000_000;
  #lastWorkflowId = 94_000_000;
  #lastRunId = 19_400_000_000;

  constructor({ clock, seed = 1, runsKept = 300 }: WorldOptions) {
    this.#clock = clock;
    this.#random = seededRandom(seed);
    this.#runsKept = runsKept;
    this.people = new People({
      now: () => clock.now(),
      repositories: () => this.repositories(),
      tell: (occurrence) => this.#tell(occurrence),
    });
  }

  /** Lets `activity` happen from now on; until then the world is quiet: only what its methods do happens. */
  animate(activity: Activity): void {
    this.#activity = activity;
  }

  /**
   * Calls `tell` for whatever happens from now on, in its order, also for what is noticed late. It must not call back.
   * Returns how to end it.
   */
  watch(tell: (occurrence: Occurrence) => void): () => void {
    const now = this.#catchUp();
    for (const { runs } of this.#states.values()) {
      for (const [id, course] of runs) runs.set(id, settle(course, now));
    }
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** Lets happen what is due, as looking at anything does. */
  pass(): void {
    this.#catchUp();
  }

  /** In the order of their ids. */
  repositories(): readonly Repository[] {
    this.#catchUp();
    return [...this.#states.values()].map((state) => state.repository).sort((a, b) => a.id - b.id);
  }

  repository(fullName: string): Repository | undefined {
    this.#catchUp();
    return this.#states.get(fullName.toLowerCase())?.repository;
  }

  /** The repository that once had that name. */
  movedFrom(fullName: string): Repository | undefined {
    const id = this.#formerNames.get(fullName.toLowerCase());
    return this.repositories().find((repository) => repository.id === id);
  }

  block(fullName: string): Block | undefined {
    return this.#states.get(fullName.toLowerCase())?.block;
  }

  /** Newest first; none for an unknown repository. */
  runs(fullName: string): readonly WorkflowRun[] {
    const now = this.#catchUp();
    const state = this.#states.get(fullName.toLowerCase());
    return [...state?.runs.values() ?? []].map((course) => settle(course, now).run).sort(
      newestFirst,
    );
  }

  run(id: number): WorkflowRun | undefined {
    const now = this.#catchUp();
    for (const { runs } of this.#states.values()) {
      const course = runs.get(id);
      if (course) return settle(course, now).run;
    }
    return undefined;
  }

  /** Adds a repository, with one workflow `CI` unless told otherwise. */
  addRepository(fields: RepositoryFields): Repository {
    const repository = newRepository(fields, {
      id: this.#lastRepositoryId += 1_017,
      nextWorkflowId: () => this.#lastWorkflowId += 31,
      now: timestamp(this.#catchUp()),
    });
    this.#keep({ repository, runs: new Map(), block: undefined });
    return repository;
  }

  removeRepository(fullName: string): void {
    const at = this.#catchUp();
    const { repository } = this.#state(fullName);
    this.#states.delete(repository.full_name.toLowerCase());
    this.#tell({ kind: "repository", action: "deleted", at, repository });
  }

  /** Gives a repository another name, also that of another owner; its former one leads to it. */
  renameRepository(fullName: string, to: string): Repository {
    const at = this.#catchUp();
    const { repository: { full_name: from }, ...state } = this.#state(fullName);
    const repository = { ...this.#state(fullName).repository, full_name: to };
    this.#states.delete(from.toLowerCase());
    this.#formerNames.set(from.toLowerCase(), repository.id);
    this.#keep({ ...state, repository, runs: renamed(state.runs, to) });
    const action = from.split("/")[0] === to.split("/")[0] ? "renamed" : "transferred";
    this.#tell({ kind: "repository", action, at, repository, from });
    return repository;
  }

  /** Changes who may see a repository, or what the one who asks may do in it. */
  changeRepository(
    fullName: string,
    fields: Partial<Pick<Repository, "private" | "admin">>,
  ): Repository {
    const at = this.#catchUp();
    const state = this.#state(fullName);
    const repository = { ...state.repository, ...fields };
    this.#keep({ ...state, repository });
    if (repository.private === state.repository.private) return repository;
    const action = repository.private ? "privatized" : "publicized";
    this.#tell({ kind: "repository", action, at, repository });
    return repository;
  }

  /** Makes everything in a repository answer with `status`, or as usual again; it stays in the lists. */
  blockRepository(fullName: string, status: Block | undefined): void {
    this.#keep({ ...this.#state(fullName), block: status });
  }

  /** Commits arrive now, and start `runs`. */
  push(
    fullName: string,
    { runs = [{}] }: { readonly runs?: readonly RunFields[] } = {},
  ): readonly WorkflowRun[] {
    const at = this.#catchUp();
    return this.#happen({ at, full_name: fullName, pushed: true, runs });
  }

  /** Adds a run that is queued now, or whatever `fields` say; `pushed_at` does not move. */
  addRun(fullName: string, fields: RunFields = {}): WorkflowRun {
    const at = this.#catchUp();
    return this.#keepRun(this.#newRun(fullName, fields, at), at);
  }

  /** Changes a run; what was ahead of it no longer comes. `updated_at` is now unless given. */
  updateRun(id: number, fields: Omit<RunFields, "id">): WorkflowRun {
    const now = this.#catchUp();
    const { timeline, ...changes } = fields;
    const run = { ...this.#existing(id), updated_at: timestamp(now), ...changes };
    return this.#keepRun({ run, ahead: transitions(timeline, now) }, now);
  }

  /** Runs it once more: the same id, the next attempt, queued. */
  rerun(id: number, timeline?: Timeline): WorkflowRun {
    const now = this.#catchUp();
    const run = restart(this.#existing(id), now);
    return this.#keepRun({ run, ahead: transitions(timeline, now) }, now);
  }

  removeRun(id: number): void {
    this.#state(this.#existing(id).repository).runs.delete(id);
  }

  #catchUp(): number {
    const now = this.#clock.now();
    let happening;
    while ((happening = this.#activity?.next(now))) {
      this.#goOn(happening.at);
      if (this.#states.has(happening.full_name.toLowerCase())) this.#happen(happening);
    }
    this.#goOn(now);
    return now;
  }

  /** Lets runs go on one step at a time, for those who watch; without them a run is settled when someone looks. */
  #goOn(until: number): void {
    if (this.#watchers.size === 0) return;
    for (const { at, id, repository, runs } of dueSteps(this.#states.values(), until)) {
      const course = runs.get(id);
      if (!course) continue;
      const { run, ahead } = step(course);
      runs.set(id, { run, ahead });
      this.#tell({ kind: "run", at, repository, run });
    }
  }

  #tell(occurrence: Occurrence): void {
    for (const tell of this.#watchers) tell(occurrence);
  }

  #happen({ at, full_name, pushed, runs }: Happening): readonly WorkflowRun[] {
    const courses = runs.map((fields) => this.#newRun(full_name, fields, at));
    if (pushed) {
      const state = this.#state(full_name);
      const repository = { ...state.repository, pushed_at: timestamp(at) };
      this.#keep({ ...state, repository });
      this.#tell({ kind: "push", at, repository, run: courses[0]?.run });
    }
    return courses.map((course) => this.#keepRun(course, at));
  }

  #newRun(fullName: string, { timeline, ...fields }: RunFields, at: number): RunCourse {
    const { repository } = this.#state(fullName);
    const workflow = repository.workflows.find(({ id }) => id === fields.workflow_id) ??
      repository.workflows[0];
    if (!workflow) throw new Error(`Cannot start a run in "${fullName}": it has no workflow`);
    const run_number = fields.run_number ?? (this.#runNumbers.get(workflow.id) ?? 0) + 1;
    this.#runNumbers.set(workflow.id, run_number);
    const id = this.#lastRunId += 1 + Math.floor(this.#random() * 4_000);
    const head_sha = hex(this.#random, 40);
    const run = newRun(fields, { id, head_sha, run_number, at, repository, workflow });
    return { run, ahead: transitions(timeline, Date.parse(run.created_at)) };
  }

  #keepRun(course: RunCourse, at: number): WorkflowRun {
    const { runs, repository } = this.#state(course.run.repository);
    const { run } = course;
    const before = runs.get(run.id)?.run;
    runs.set(run.id, course);
    const isNews = !before || before.run_attempt !== run.run_attempt ||
      progressOf(before) !== progressOf(run);
    if (isNews) this.#tell({ kind: "run", at, repository, run });
    if (runs.size > this.#runsKept) {
      const oldest = [...runs.values()].map(({ run }) => run).sort(newestFirst).at(-1);
      if (oldest) runs.delete(oldest.id);
    }
    return settle(course, this.#clock.now()).run;
  }

  #keep(state: RepositoryState): void {
    this.#states.set(state.repository.full_name.toLowerCase(), state);
  }

  #state(fullName: string): RepositoryState {
    const state = this.#states.get(fullName.toLowerCase());
    if (!state) {
      throw new Error(`Cannot find repository "${fullName}": the world has none of that name`);
    }
    return state;
  }

  #existing(id: number): WorkflowRun {
    const run = this.run(id);
    if (!run) throw new Error(`Cannot find run ${id}: no repository has it`);
    return run;
  }
}
