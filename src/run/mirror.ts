import type { Clock } from "../clock.ts";
import { StorageError } from "../errors.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { StatusEvent } from "../feed/event.ts";
import type { Repository } from "../repository/repository.ts";
import type { Picture } from "./picture.ts";
import type { Snapshot } from "./snapshot.ts";

/** How often it is looked for the next snapshot: so much later it comes than where it was made. */
const LOOK_MS = 1_000;

/** What the last snapshot showed. */
export interface Shown {
  readonly repositories: readonly Repository[];
  /** How long ago GitHub was asked for it, in ms. */
  readonly ageMs: number;
  /** Another one for each snapshot. */
  readonly version: number;
}

/** Where the instance that polls says what its snapshots show. Both throw StorageError. */
export interface PictureStore {
  show(repositories: readonly Repository[]): Promise<void>;
  /** `undefined` before the first snapshot. */
  shown(): Promise<Shown | undefined>;
}

export interface MirrorOptions {
  readonly store: PictureStore;
  readonly picture: Picture;
  readonly audience: ActiveClients;
  /** From beat to beat, in ms. */
  readonly interval: number;
  readonly clock: Clock;
  /** Whether this instance polls itself. */
  readonly isHolder: () => boolean;
  readonly onSnapshot: (snapshot: Snapshot) => void;
}

/** Gives the clients of an instance that does not poll the same snapshots, from what is kept. */
export class Mirror {
  readonly #options: MirrorOptions;
  #version: number | undefined;
  #snapshot: Snapshot | undefined;
  #isTroubled = false;
  #isCutOff = false;
  /** Whether the snapshot has not come that was due. */
  #isLate = false;
  /** Since when it is looked for snapshots, in ms since the epoch; `undefined` while it is not. */
  #lookedSince: number | undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /** The last snapshot, where no fresher can be had now. */
  get current(): Snapshot | undefined {
    const isLast = this.#isTroubled || this.#isCutOff || this.#isLate;
    return isLast && !this.#options.isHolder() ? this.#snapshot : undefined;
  }

  /** How things stand between the instance that polls and GitHub. */
  notice({ state }: StatusEvent["data"]): void {
    this.#isTroubled = state !== "polling" && state !== "resting";
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, audience, isHolder } = this.#options;
    while (!signal.aborted) {
      if (isHolder()) this.#version = undefined;
      const isWanted = !isHolder() && audience.size > 0;
      this.#lookedSince = isWanted ? this.#lookedSince ?? clock.now() : undefined;
      if (isWanted) await this.#look();
      await clock.sleep(LOOK_MS, signal);
    }
  }

  /** How old a snapshot may be, in ms, while others come. */
  get #patience(): number {
    return this.#options.interval + 2 * LOOK_MS;
  }

  get #lookedFor(): number {
    const now = this.#options.clock.now();
    return now - (this.#lookedSince ?? now);
  }

  async #look(): Promise<void> {
    const { store, picture, clock, isHolder, onSnapshot } = this.#options;
    try {
      const shown = await store.shown();
      this.#isCutOff = false;
      if (!shown) return;
      const isOld = shown.ageMs >= this.#patience;
      this.#isLate = isOld && this.#lookedFor >= this.#patience;
      if (shown.version === this.#version) return;
      // The next one comes as soon as it is known that somebody listens, if one can be had.
      if (isOld && !this.#isLate && !this.#isTroubled) return;
      picture.follow(shown.repositories);
      const snapshot = await picture.take(clock.now() - shown.ageMs);
      if (isHolder()) return;
      this.#version = shown.version;
      this.#snapshot = snapshot;
      onSnapshot(snapshot);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#isCutOff = true;
    }
  }
}
