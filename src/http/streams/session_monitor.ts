import type { Authenticator } from "../../account/authenticator.ts";
import type { Principal } from "../../account/principal.ts";
import type { Clock } from "../../clock.ts";
import { toErrorMessage } from "../../errors.ts";
import { log } from "../../log.ts";
import { SingleFlight } from "../../single_flight.ts";
import type { Visibility } from "../../visibility.ts";

/** Time until a connection ends after its session or key has ended. */
const INTERVAL_MS = 5_000;

interface SessionMonitorOptions {
  readonly authenticator: Pick<Authenticator, "reauthenticate">;
  readonly clock: Clock;
  readonly intervalMs?: number;
}

/** Revalidates the session or key of open connections, once per caller. */
export class SessionMonitor {
  readonly #options: SessionMonitorOptions;
  readonly #logger = log("http");
  readonly #watched = new Map<string, Set<WatchedConnection>>();
  readonly #checks = new SingleFlight<string, void>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: SessionMonitorOptions) {
    this.#options = options;
  }

  /** Calls `onEnd` when the caller loses access, unless `unwatch` was called before. */
  watch(principal: Principal, onEnd: () => void): WatchedConnection {
    const identity = identityKey(principal);
    const watched: WatchedConnection = new WatchedConnection(principal, {
      onEnd,
      onUnwatch: () => this.#remove(identity, watched),
    });
    // Callers without credentials cannot lose them.
    if (identity === undefined) return watched;
    this.#watched.set(identity, (this.#watched.get(identity) ?? new Set()).add(watched));
    const { clock, intervalMs = INTERVAL_MS } = this.#options;
    this.#cancelTimer ??= clock.every(intervalMs, () => this.#checkAll());
    return watched;
  }

  /** The number of watched callers. */
  get size(): number {
    return this.#watched.size;
  }

  /** Skips callers whose previous check is still running. */
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
      // The connection stays open: visibility is checked separately for everything it receives.
      this.#logger.warning("Failed to revalidate sessions: {reason}", {
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

  /** As of the last check. */
  get principal(): Principal {
    return this.#principal;
  }

  /** Throws the same errors as `Principal.visibility`. */
  visibility(): Visibility | Promise<Visibility> {
    return this.#principal.visibility();
  }

  /** Stops watching, when the connection has closed. */
  unwatch(): void {
    this.#callbacks.onUnwatch();
  }

  /** Ends the connection if `principal` is `undefined` or may no longer read. */
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
