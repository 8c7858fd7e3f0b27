import type { Authenticator } from "../../account/authenticator.ts";
import type { Principal } from "../../account/principal.ts";
import { SingleFlight } from "../../single_flight.ts";
import type { Visibility } from "../../visibility.ts";
import type { Clock } from "../../clock.ts";
import { toErrorMessage } from "../../errors.ts";
import { log } from "../../log.ts";

/** How soon a connection ends whose session or key has. */
const INTERVAL_MS = 5_000;

export interface SessionMonitorOptions {
  readonly authenticator: Pick<Authenticator, "reauthenticate">;
  readonly clock: Clock;
  readonly intervalMs?: number;
}

/** Asks again and again whether those who stay connected may stay: each caller once, however often it is connected. */
export class SessionMonitor {
  readonly #options: SessionMonitorOptions;
  readonly #logger = log("http");
  readonly #watched = new Map<string, Set<WatchedConnection>>();
  readonly #checks = new SingleFlight<string, void>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: SessionMonitorOptions) {
    this.#options = options;
  }

  /** `onEnd` is told when the caller may not stay any more; not after `leave`. */
  watch(principal: Principal, onEnd: () => void): WatchedConnection {
    const identity = identityKey(principal);
    const watched: WatchedConnection = new WatchedConnection(principal, {
      onEnd,
      onUnwatch: () => this.#remove(identity, watched),
    });
    // Who needs no credential loses none.
    if (identity === undefined) return watched;
    this.#watched.set(identity, (this.#watched.get(identity) ?? new Set()).add(watched));
    const { clock, intervalMs = INTERVAL_MS } = this.#options;
    this.#cancelTimer ??= clock.every(intervalMs, () => this.#checkAll());
    return watched;
  }

  /** How many callers are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** A look that takes longer than the interval is not begun again. */
  #checkAll(): void {
    for (const [identity, connections] of this.#watched) {
      void this.#checks.run(identity, () => this.#check(connections));
    }
  }

  async #check(connections: ReadonlySet<WatchedConnection>): Promise<void> {
    const [first] = connections;
    if (!first) return;
    try {
      const principal = await this.#options.authenticator.reauthenticate(first.principal);
      for (const watched of [...connections]) watched.update(principal);
    } catch (error) {
      // Not theirs to suffer from: what they may see is asked for with everything that is told.
      this.#logger.warning("Cannot tell who is connected: {reason}", {
        reason: toErrorMessage(error),
      });
    }
  }

  #remove(identity: string | undefined, watched: WatchedConnection): void {
    const connections = identity === undefined ? undefined : this.#watched.get(identity);
    if (identity === undefined || !connections?.delete(watched) || connections.size > 0) return;
    this.#watched.delete(identity);
    if (this.#watched.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

/** One connection of a caller. */
export class WatchedConnection {
  readonly #callbacks: { readonly onEnd: () => void; readonly onUnwatch: () => void };
  #principal: Principal;

  constructor(
    principal: Principal,
    callbacks: { readonly onEnd: () => void; readonly onUnwatch: () => void },
  ) {
    this.#principal = principal;
    this.#callbacks = callbacks;
  }

  /** As last looked at. */
  get principal(): Principal {
    return this.#principal;
  }

  /** What it may see now. Throws as Caller. */
  visibility(): Visibility | Promise<Visibility> {
    return this.#principal.visibility();
  }

  /** The connection is over. */
  unwatch(): void {
    this.#callbacks.onUnwatch();
  }

  /** Told what has become of the caller: `undefined` when it may not stay, nor when it may not read any more. */
  update(principal: Principal | undefined): void {
    if (principal?.permissions.has("read")) {
      this.#principal = principal;
      return;
    }
    this.unwatch();
    this.#callbacks.onEnd();
  }
}

function identityKey({ session, key }: Principal): string | undefined {
  if (session) return `session ${session.id}`;
  return key ? `key ${key.id}` : undefined;
}
