import { waitAtMost } from "../clock.ts";
import { toErrorMessage, UsageError } from "../errors.ts";
import type { ConnectionLimit } from "./streams/connection_limit.ts";
import { router, type RouterOptions } from "./router.ts";

/** How long requests under way have to end when we stop. */
const DRAIN_TIMEOUT_MS = 2_000;

export interface ServerOptions extends RouterOptions {
  readonly connectionLimit: ConnectionLimit;
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Told as soon as clients can connect. */
  readonly onListen: (address: { hostname: string; port: number }) => void;
}

/** Listens for clients. */
export class Server {
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /**
   * Serves until `signal` aborts; then says goodbye to those who are connected, lets requests end, and resolves within 5 s.
   * @throws {UsageError} when the address cannot be listened on
   */
  async run(signal: AbortSignal): Promise<void> {
    const { connections, events, deliveries, connectionLimit: capacity, clock } = this.#options;
    const server = this.#listen();
    using _bodyTimeout = deliveries?.enforceTimeout();
    const stopped = Promise.withResolvers<void>();
    if (signal.aborted) stopped.resolve();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await Promise.race([stopped.promise, server.finished]);
    capacity.close();
    events.close();
    await connections.close();
    // Not before: it would close sockets with words of its own.
    const drained = server.shutdown();
    // What clings on ends with the process: Deno 2.9.6 throws BadResource when a server that shuts down is aborted.
    await waitAtMost(clock, DRAIN_TIMEOUT_MS, drained);
  }

  #listen(): Deno.HttpServer<Deno.NetAddr> {
    const { hostname, port, onListen } = this.#options;
    const app = router(this.#options);
    try {
      return Deno.serve(
        { hostname, port, onListen },
        (request, info) => app.fetch(request, info),
      );
    } catch (error) {
      const reason = error instanceof Deno.errors.AddrInUse
        ? "it is in use"
        : toErrorMessage(error);
      throw new UsageError(
        `Cannot listen on ${hostname}:${port} (${reason}): set SERVER_HOST and SERVER_PORT to a free address`,
        { cause: error },
      );
    }
  }
}
