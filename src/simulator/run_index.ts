import type { WorkflowRun } from "./world/run.ts";
import type { World } from "./world/world.ts";

export interface Lag {
  /** Number of lagging lists, default 1. */
  readonly requests?: number;
  /** `without_newest` omits the newest run. `frozen` shows all runs as of the call of `lag()`. */
  readonly shows?: "without_newest" | "frozen";
}

interface LaggingList {
  readonly frozenRuns: readonly WorkflowRun[] | undefined;
  remaining: number;
}

/**
 * The runs in lists. GitHub serves lists from indexes that lag, while a run by its id is exact (https://github.com/huggingface/transformers/pull/48374).
 */
export class RunIndex {
  readonly #world: World;
  readonly #lagging = new Map<string, LaggingList>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Makes the next lists of a repository lag. */
  lag(fullName: string, { requests = 1, shows = "without_newest" }: Lag = {}): void {
    const runs = shows === "frozen" ? this.#world.runs(fullName) : undefined;
    this.#lagging.set(fullName.toLowerCase(), { frozenRuns: runs, remaining: requests });
  }

  /** Newest first; each call is one list. */
  list(fullName: string): readonly WorkflowRun[] {
    const lagging = this.#lagging.get(fullName.toLowerCase());
    if (!lagging || lagging.remaining === 0) return this.#world.runs(fullName);
    lagging.remaining--;
    return lagging.frozenRuns ?? this.#world.runs(fullName).slice(1);
  }
}
