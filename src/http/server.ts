import { waitAtMost } from "../clock.ts";
import { toErrorMessage, UsageError } from "../errors.ts";
import { router, type RouterOptions } from "./router.ts";
import type { ConnectionLimit } from "./streams/connection_limit.ts";

/** Time limit for pending requests when the server stops. */
const DRAIN_TIMEOUT_MS = 2_000;

interface ServerOptions extends RouterOptions {
  readonly connectionLimit: ConnectionLimit;
  readonly hostname: string;
  /** 0 selects a free port. */
  readonly port: number;
  /** Called when clients can connect. */
  readonly onListen: (address: { hostname: string; port: number }) => void;
}

/** The HTTP server. */
export class Server {
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /**
   * Serves until `signal` aborts, then closes all connections, waits for pending requests, and resolves within 5 s.
   * @throws {UsageError} if the address is not available
   */
  async run(signal: AbortSignal): Promise<void> {
    const { webSockets, eventStreams, webhookEndpoint, connectionLimit, clock } = this.#options;
    const server = this.#listen();
    using _bodyTimeout = webhookEndpoint?.enforceTimeout();
    const stopped = Promise.withResolvers<void>();
    if (signal.aborted) stopped.resolve();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await Promise.race([stopped.promise, server.finished]);
    connectionLimit.close();
    eventStreams.close();
    await webSockets.close();
    // Last, because it would close WebSockets with a different code and reason.
    const drained = server.shutdown();
    // The remaining connections end with the process: Deno 2.9.6 throws BadResource if a server is aborted during shutdown.
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
        ? "address in use"
        : toErrorMessage(error);
      throw new UsageError(
        `Cannot listen on ${hostname}:${port} (${reason}); set SERVER_HOST and SERVER_PORT to a free address`,
        { cause: error },
      );
    }
  }
}
