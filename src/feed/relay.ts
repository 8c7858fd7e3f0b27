import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import { dataOf } from "./encoded.ts";
import type { EventType } from "./event.ts";
import type { Feed } from "./feed.ts";
import type { Follower } from "./follower.ts";
import { Mailbox } from "./mailbox.ts";
import { CLOSE_TOO_SLOW, type Sink } from "./outbox.ts";

/** How soon a client that is behind is looked at again: first, and at the latest. */
const FIRST_LOOK_MS = 4;
const LAST_LOOK_MS = 250;
/** Frames that are sent in one go, about 12 µs each: then everything else gets its turn. */
const SENDS_IN_A_TURN = 400;
/** When to go on after events could not be read. */
const RETRY_MS = 1_000;

export interface RelayOptions {
  readonly feed: Pick<Feed, "follow">;
  /** Of events that are for everybody: they belong to no repository. */
  readonly topics: ReadonlySet<EventType>;
  readonly clock: Clock;
}

/**
 * Sends the data of every event of some topics to every client that has joined: each once, in the order of the feed. One
 * follower of the feed serves all of them, as one for each client would be woken by every event, also by those of other
 * topics. A client that is behind delays no other.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #members = new Map<Sink, Mailbox>();
  readonly #logger = log("feed");

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#members.size;
  }

  /** From now on `sink` gets every event. */
  join(sink: Sink): void {
    this.#members.set(sink, new Mailbox(sink));
  }

  /** Forgets `sink`; does nothing for one that is not a member (any more). */
  leave(sink: Sink): void {
    this.#members.delete(sink);
  }

  /** Relays until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { feed, topics, clock } = this.#options;
    const sight = () => "all" as const;
    let since: number | undefined;
    while (!signal.aborted) {
      const own = AbortSignal.any([signal]);
      const follower = await feed.follow({ since, topics, sight, signal: own });
      try {
        await this.#sendAll(follower, signal);
      } catch (error) {
        this.#logger.warning("Cannot read events: {reason}", { reason: messageOf(error) });
        await clock.sleep(RETRY_MS, signal);
      }
      since = follower.position;
    }
  }

  async #sendAll(follower: Follower, signal: AbortSignal): Promise<void> {
    const turn = new Turn(this.#options.clock);
    for await (const batch of follower) {
      if ("gap" in batch) this.#sendAway();
      else for (const event of batch.events) await this.#send(dataOf(event), { turn, signal });
    }
  }

  async #send(
    frame: string,
    { turn, signal }: { readonly turn: Turn; readonly signal: AbortSignal },
  ): Promise<void> {
    const { clock } = this.#options;
    for (const [sink, mailbox] of this.#members) {
      const wasBehind = mailbox.isBehind;
      mailbox.offer(frame, clock.now());
      if (mailbox.isBehind && !wasBehind) void this.#catchUp(sink, mailbox, signal);
      if (turn.isOver()) await turn.next();
    }
  }

  /** Those who have joined would miss what cannot be read any more, and not know: they are to come back. */
  #sendAway(): void {
    for (const sink of [...this.#members.keys()]) {
      this.leave(sink);
      sink.close(CLOSE_TOO_SLOW, "Something was missed: connect again");
    }
  }

  /** Sends what is held for a client, as fast as it reads. */
  async #catchUp(sink: Sink, mailbox: Mailbox, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let pause = FIRST_LOOK_MS;;) {
      await clock.sleep(pause, signal);
      if (signal.aborted || this.#members.get(sink) !== mailbox) return;
      const outcome = mailbox.flush(clock.now());
      if (outcome === "sent") return;
      if (outcome === "closed") return this.leave(sink);
      pause = outcome === "part" ? FIRST_LOOK_MS : Math.min(2 * pause, LAST_LOOK_MS);
    }
  }
}

/** Counts what is sent in one turn of the event loop. */
class Turn {
  #sent = 0;

  constructor(readonly clock: Clock) {}

  isOver(): boolean {
    return ++this.#sent >= SENDS_IN_A_TURN;
  }

  /** By a timer: Deno lets in so little between immediates that a request took 300 ms. */
  async next(): Promise<void> {
    this.#sent = 0;
    await this.clock.sleep(0);
  }
}
