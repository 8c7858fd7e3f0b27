import type { Clock } from "../clock.ts";
import {
  closeSlowClient,
  hasRoom,
  MAX_BACKOFF_MS,
  MIN_BACKOFF_MS,
  type Sink,
  SlowClientTimer,
} from "./slow_client.ts";

/** Characters that may be queued for one client. Slow clients share the strings of the frames. */
export const MAX_QUEUED_CHARACTERS = 16 * 1024 * 1024;

/** Which frames a slow client gets: `all`, in order, or only the `latest`, which replaces those before it. */
export type QueuePolicy = "all" | "latest";

/**
 * The result of a flush: everything was sent (`drained`), some frames (`partial`), or none (`blocked`); or the client was
 * `closed`.
 */
type FlushOutcome = "drained" | "partial" | "blocked" | "closed";

/** Frames of a client that is slow. */
interface Backlog {
  /** Oldest first; never empty. */
  readonly frames: string[];
  /** The sum of the frames' lengths. */
  characters: number;
  readonly timer: SlowClientTimer;
}

/**
 * The send queue of one client. Frames are queued while the client is slow; a client that reads nothing for too long, or
 * whose queue is too large, is closed. Times in ms since the epoch.
 */
export class SendQueue {
  readonly #sink: Sink;
  readonly #policy: QueuePolicy;
  /** `undefined` while the client is fast, so that the queue of a fast client takes next to no memory. */
  #backlog: Backlog | undefined;

  constructor(sink: Sink, policy: QueuePolicy) {
    this.#sink = sink;
    this.#policy = policy;
  }

  /** Whether frames are queued. */
  get isSlow(): boolean {
    return this.#backlog !== undefined;
  }

  /** Sends a frame, or queues it until `flush`. Returns whether it is queued. */
  send(frame: string, now: number): boolean {
    if (!this.#backlog && hasRoom(this.#sink)) {
      this.#sink.send(frame);
      return false;
    }
    this.#enqueue(frame, now);
    return true;
  }

  /** Sends the queued frames for which the client has room. */
  flush(now: number): FlushOutcome {
    const backlog = this.#backlog;
    if (!backlog) return "drained";
    const sentCount = this.#sendQueued(backlog);
    if (!this.#backlog) return "drained";
    if (sentCount > 0) backlog.timer.start(now);
    if (!backlog.timer.isExpired(now) && backlog.characters <= MAX_QUEUED_CHARACTERS) {
      return sentCount > 0 ? "partial" : "blocked";
    }
    this.discard();
    closeSlowClient(this.#sink);
    return "closed";
  }

  /**
   * Flushes as fast as the client reads. Resolves to `true` when everything was sent or discarded, to `false` when the
   * client was closed or `signal` aborts.
   */
  async drain({ clock, signal }: {
    readonly clock: Clock;
    readonly signal: AbortSignal;
  }): Promise<boolean> {
    for (let pause = MIN_BACKOFF_MS; !signal.aborted;) {
      await clock.sleep(pause, signal);
      if (signal.aborted) break;
      const outcome = this.flush(clock.now());
      if (outcome === "drained" || outcome === "closed") return outcome === "drained";
      pause = outcome === "partial" ? MIN_BACKOFF_MS : Math.min(2 * pause, MAX_BACKOFF_MS);
    }
    return false;
  }

  /** Drops the queued frames. */
  discard(): void {
    this.#backlog = undefined;
  }

  #enqueue(frame: string, now: number): void {
    if (!this.#backlog) {
      this.#backlog = { frames: [], characters: 0, timer: new SlowClientTimer() };
      this.#backlog.timer.start(now);
    } else if (this.#policy === "latest") {
      this.#backlog.frames.pop();
      this.#backlog.characters = 0;
    }
    this.#backlog.frames.push(frame);
    this.#backlog.characters += frame.length;
  }

  /** Returns how many frames were sent. */
  #sendQueued(backlog: Backlog): number {
    let count = 0;
    for (const frame of backlog.frames) {
      if (!hasRoom(this.#sink)) break;
      this.#sink.send(frame);
      backlog.characters -= frame.length;
      count++;
    }
    if (count === backlog.frames.length) this.#backlog = undefined;
    else backlog.frames.splice(0, count);
    return count;
  }
}
