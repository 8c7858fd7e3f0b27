import type { Principal, Authenticator } from "../account/principal.ts";
import { SingleFlight } from "../single_flight.ts";
import type { Visibility } from "../visibility.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";

/** How soon a connection ends whose session or key has. */
const INTERVAL_MS = 5_000;

export interface CallerWatchOptions {
  readonly callers: Pick<Authenticator, "again">;
  readonly clock: Clock;
  readonly intervalMs?: number;
}

/** Asks again and again whether those who stay connected may stay: each caller once, however often it is connected. */
export class CallerWatch {
  readonly #options: CallerWatchOptions;
  readonly #logger = log("http");
  readonly #stays = new Map<string, Set<Stay>>();
  readonly #looks = new SingleFlight<string, void>();
  #stopTicking: (() => void) | undefined;

  constructor(options: CallerWatchOptions) {
    this.#options = options;
  }

  /** `onEnd` is told when the caller may not stay any more; not after `leave`. */
  enter(caller: Principal, onEnd: () => void): Stay {
    const identity = identityOf(caller);
    const stay: Stay = new Stay(caller, {
      onEnd,
      onLeave: () => this.#forget(identity, stay),
    });
    // Who needs no credential loses none.
    if (identity === undefined) return stay;
    this.#stays.set(identity, (this.#stays.get(identity) ?? new Set()).add(stay));
    const { clock, intervalMs = INTERVAL_MS } = this.#options;
    this.#stopTicking ??= clock.every(intervalMs, () => this.#look());
    return stay;
  }

  /** How many callers are watched. */
  get size(): number {
    return this.#stays.size;
  }

  /** A look that takes longer than the interval is not begun again. */
  #look(): void {
    for (const [identity, stays] of this.#stays) {
      void this.#looks.run(identity, () => this.#lookAt(stays));
    }
  }

  async #lookAt(stays: ReadonlySet<Stay>): Promise<void> {
    const [first] = stays;
    if (!first) return;
    try {
      const caller = await this.#options.callers.reauthenticate(first.caller);
      for (const stay of [...stays]) stay.update(caller);
    } catch (error) {
      // Not theirs to suffer from: what they may see is asked for with everything that is told.
      this.#logger.warning("Cannot tell who is connected: {reason}", { reason: messageOf(error) });
    }
  }

  #forget(identity: string | undefined, stay: Stay): void {
    const stays = identity === undefined ? undefined : this.#stays.get(identity);
    if (identity === undefined || !stays?.delete(stay) || stays.size > 0) return;
    this.#stays.delete(identity);
    if (this.#stays.size > 0) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }
}

/** One connection of a caller. */
export class Stay {
  readonly #told: { readonly onEnd: () => void; readonly onLeave: () => void };
  #caller: Principal;

  constructor(caller: Principal, told: { readonly onEnd: () => void; readonly onLeave: () => void }) {
    this.#caller = caller;
    this.#told = told;
  }

  /** As last looked at. */
  get caller(): Principal {
    return this.#caller;
  }

  /** What it may see now. Throws as Caller. */
  visible(): Visibility | Promise<Visibility> {
    return this.#caller.visibility();
  }

  /** The connection is over. */
  leave(): void {
    this.#told.onLeave();
  }

  /** Told what has become of the caller: `undefined` when it may not stay, nor when it may not read any more. */
  update(caller: Principal | undefined): void {
    if (caller?.permissions.has("read")) {
      this.#caller = caller;
      return;
    }
    this.leave();
    this.#told.onEnd();
  }
}

function identityOf({ session, key }: Principal): string | undefined {
  if (session) return `session ${session.id}`;
  return key ? `key ${key.id}` : undefined;
}
