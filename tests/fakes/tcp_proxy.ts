import { systemClock } from "../../src/clock.ts";

type Address = Deno.TcpListenOptions | Deno.UnixListenOptions;
type Listener = Deno.TcpListener | Deno.UnixListener;
type Connection = Deno.TcpConn | Deno.UnixConn;

export interface TcpProxyOptions {
  /** The address to listen on; by default a free port of this machine. */
  readonly listenOn?: Address;
}

/** A proxy between the program and a service that forwards bytes until a test injects a fault. `await using` stops it. */
export class TcpProxy implements AsyncDisposable {
  readonly #target: Deno.ConnectOptions;
  readonly #connections = new Set<Connection>();
  readonly #tasks = new Set<Promise<void>>();
  #address: Address;
  #listener: Listener | undefined;
  /** Connections whose bytes are dropped. */
  readonly #blackholed = new WeakSet<Connection>();
  #isBlackholing = false;
  #delayMs = 0;
  /** Ends all delays. */
  #endDelays = new AbortController();

  private constructor(target: Deno.ConnectOptions, address: Address) {
    this.#target = target;
    this.#address = address;
  }

  /** Forwards to the host and port of `url`. */
  static to(
    url: string,
    { listenOn = { hostname: "127.0.0.1", port: 0 } }: TcpProxyOptions = {},
  ): TcpProxy {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy({ hostname, port: Number(port) }, listenOn);
    proxy.restore();
    return proxy;
  }

  /** `url` through this proxy. */
  proxiedUrl(url: string): string {
    const changed = new URL(url);
    if ("port" in this.#address) changed.host = `127.0.0.1:${this.#address.port}`;
    return changed.href;
  }

  /** Closes every connection, and refuses new ones. */
  disconnect(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
  }

  /** Drops all bytes of current and new connections, like a broken network: neither side is notified. */
  blackhole(): void {
    this.#isBlackholing = true;
    for (const connection of this.#connections) this.#blackholed.add(connection);
  }

  /** Delays all bytes by `ms`. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Ends all faults: accepts connections and forwards everything. */
  restore(): void {
    this.#isBlackholing = false;
    this.#delayMs = 0;
    this.#endDelays.abort();
    this.#endDelays = new AbortController();
    if (!this.#listener) this.#track(this.#accept(this.#listen()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    this.#endDelays.abort();
    await Promise.all(this.#tasks);
  }

  #listen(): Listener {
    if ("path" in this.#address) {
      return this.#listener = Deno.listen({ ...this.#address, transport: "unix" });
    }
    const listener = Deno.listen(this.#address);
    // The same port after a cut.
    this.#address = { ...this.#address, port: listener.addr.port };
    return this.#listener = listener;
  }

  async #accept(listener: Listener): Promise<void> {
    for await (const client of listener) this.#track(this.#serve(client));
  }

  async #serve(client: Connection): Promise<void> {
    this.#connections.add(client);
    try {
      const service = await Deno.connect(this.#target);
      // Bytes are forwarded at once, without waiting for more.
      service.setNoDelay();
      if ("setNoDelay" in client) client.setNoDelay();
      // Cut while the connection was opening.
      if (!this.#connections.has(client)) return close(service);
      this.#connections.add(service);
      if (this.#isBlackholing) this.blackhole();
      await Promise.all([this.#pipe(client, service), this.#pipe(service, client)]);
    } catch {
      close(client);
    }
  }

  /** Forwards until one side closes, then closes both. */
  async #pipe(from: Connection, to: Connection): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        if (this.#blackholed.has(from)) continue;
        if (this.#delayMs > 0) await systemClock.sleep(this.#delayMs, this.#endDelays.signal);
        for (let start = 0; start < count;) start += await to.write(buffer.subarray(start, count));
      }
    } catch {
      // One side was closed.
    }
    this.#closeConnection(from);
    if (!this.#blackholed.has(from)) this.#closeConnection(to);
  }

  #closeConnection(connection: Connection): void {
    close(connection);
    this.#connections.delete(connection);
  }

  #track(work: Promise<void>): void {
    this.#tasks.add(work);
    void work.finally(() => this.#tasks.delete(work));
  }
}

function close(connection: Connection): void {
  try {
    connection.close();
  } catch {
    // It was already closed.
  }
}
