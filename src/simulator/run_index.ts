import type { WorkflowRun } from "./run.ts";
import type { World } from "./world.ts";

export interface Lag {
  /** How many lists of this repository lag; 1 unless told otherwise. */
  readonly requests?: number;
  /** `newest`: the newest run is left out. `frozen`: all runs are shown as they are when this is asked for. */
  readonly shows?: "without_newest" | "frozen";
}

interface LaggingList {
  readonly frozenRuns: readonly WorkflowRun[] | undefined;
  remaining: number;
}

/**
 * The runs as the list shows them. GitHub's lists are served from indexes that lag behind, while a run by
 * its id is exact (https://github.com/huggingface/transformers/pull/48374).
 */
export class RunIndex {
  readonly #world: World;
  readonly #lagging = new Map<string, LaggingList>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Lets the next lists of a repository lag. */
  lag(fullName: string, { requests = 1, shows = "without_newest" }: Lag = {}): void {
    const runs = shows === "frozen" ? this.#world.runs(fullName) : undefined;
    this.#lagging.set(fullName.toLowerCase(), { frozenRuns: runs, remaining: requests });
  }

  /** Newest first; counts as one list. */
  list(fullName: string): readonly WorkflowRun[] {
    const lagging = this.#lagging.get(fullName.toLowerCase());
    if (!lagging || lagging.remaining === 0) return this.#world.runs(fullName);
    lagging.remaining--;
    return lagging.frozenRuns ?? this.#world.runs(fullName).slice(1);
  }
}
