import type { Clock } from "../clock.ts";
import type { Event, NumberedEvent } from "./event.ts";

export type Listener = (event: NumberedEvent) => void;

/** Numbers what happens and tells everybody who subscribed, in order, within this process. */
export class Feed {
  readonly #clock: Clock;
  readonly #listeners = new Set<Listener>();
  #seq = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  publish(event: Event): NumberedEvent {
    const numbered = { seq: ++this.#seq, at: new Date(this.#clock.now()).toISOString(), ...event };
    for (const listener of this.#listeners) listener(numbered);
    return numbered;
  }

  /** Calls `listener` for every event from now on, until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
