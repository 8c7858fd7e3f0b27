import type { Clock } from "../clock.ts";
import { StorageError } from "../errors.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { Snapshot } from "./snapshot.ts";

/** The least time between two frames that are sent between the beats. */
const PAUSE_MS = 1_000;

export interface ExtraFramesOptions {
  readonly clock: Clock;
  readonly audience: ActiveClients;
  /** The snapshot that clients have, where there is one. */
  readonly current: () => Snapshot | undefined;
  readonly take: (takenAt: number) => Promise<Snapshot>;
  readonly onSnapshot: (snapshot: Snapshot) => void;
}

/** Sends a frame between the beats when something has changed: at once, but at most one a second. */
export class ExtraFrames {
  readonly #options: ExtraFramesOptions;
  #wanted = Promise.withResolvers<void>();

  constructor(options: ExtraFramesOptions) {
    this.#options = options;
  }

  /** Something that a snapshot may show has changed. */
  want(): void {
    this.#wanted.resolve();
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.want(), { once: true });
    while (!signal.aborted) {
      await this.#wanted.promise;
      if (signal.aborted) return;
      this.#wanted = Promise.withResolvers();
      if (await this.#send()) await this.#options.clock.sleep(PAUSE_MS, signal);
    }
  }

  /** Returns whether a pause is due. */
  async #send(): Promise<boolean> {
    const { audience, current, take, onSnapshot } = this.#options;
    const before = current();
    if (!before || audience.size === 0) return false;
    const snapshot = await take(before.takenAt).catch((error) => this.#failed(error));
    if (!snapshot) return true;
    if (snapshot.encode("full", "all") === before.encode("full", "all")) return false;
    onSnapshot(snapshot);
    return true;
  }

  /** Tries again after the pause. */
  #failed(error: unknown): undefined {
    if (!(error instanceof StorageError)) throw error;
    this.want();
  }
}
