import { systemClock } from "../../src/clock.ts";

type Address = Deno.TcpListenOptions | Deno.UnixListenOptions;
type Listener = Deno.TcpListener | Deno.UnixListener;
type Connection = Deno.TcpConn | Deno.UnixConn;

export interface TcpProxyOptions {
  /** Where to listen: any free port of this machine, unless it is told otherwise. */
  readonly at?: Address;
}

/** Stands between us and a service, and passes bytes on until a test makes trouble. `await using` stops it. */
export class TcpProxy implements AsyncDisposable {
  readonly #target: Deno.ConnectOptions;
  readonly #connections = new Set<Connection>();
  readonly #passing = new Set<Promise<void>>();
  #address: Address;
  #listener: Listener | undefined;
  /** Those from which nothing comes any more. */
  readonly #lost = new WeakSet<Connection>();
  #isLosing = false;
  #delayMs = 0;
  /** Ends all delays. */
  #hurry = new AbortController();

  private constructor(target: Deno.ConnectOptions, address: Address) {
    this.#target = target;
    this.#address = address;
  }

  /** Leads to the host and port of `url`. */
  static to(
    url: string,
    { at = { hostname: "127.0.0.1", port: 0 } }: TcpProxyOptions = {},
  ): TcpProxy {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy({ hostname, port: Number(port) }, at);
    proxy.heal();
    return proxy;
  }

  /** `url`, but through here. */
  through(url: string): string {
    const changed = new URL(url);
    if ("port" in this.#address) changed.host = `127.0.0.1:${this.#address.port}`;
    return changed.href;
  }

  /** Ends every connection, and refuses new ones. */
  cut(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
  }

  /** Connections are silent for good, as on a network that loses all: neither side hears of it. So are new ones. */
  lose(): void {
    this.#isLosing = true;
    for (const connection of this.#connections) this.#lost.add(connection);
  }

  /** Passes everything on `ms` later than it came. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** From now on connections are taken and pass everything on. */
  heal(): void {
    this.#isLosing = false;
    this.#delayMs = 0;
    this.#hurry.abort();
    this.#hurry = new AbortController();
    if (!this.#listener) this.#track(this.#accept(this.#listen()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#hurry.abort();
    await Promise.all(this.#passing);
  }

  #listen(): Listener {
    if ("path" in this.#address) {
      return this.#listener = Deno.listen({ ...this.#address, transport: "unix" });
    }
    const listener = Deno.listen(this.#address);
    // Where it listens again after a cut.
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
      // What was sent in pieces goes on in pieces, and at once.
      service.setNoDelay();
      if ("setNoDelay" in client) client.setNoDelay();
      // Cut while we connected.
      if (!this.#connections.has(client)) return close(service);
      this.#connections.add(service);
      if (this.#isLosing) this.lose();
      await Promise.all([this.#pass(client, service), this.#pass(service, client)]);
    } catch {
      close(client);
    }
  }

  /** Passes on until either side ends, which ends both. */
  async #pass(from: Connection, to: Connection): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        if (this.#lost.has(from)) continue;
        if (this.#delayMs > 0) await systemClock.sleep(this.#delayMs, this.#hurry.signal);
        for (let start = 0; start < count;) start += await to.write(buffer.subarray(start, count));
      }
    } catch {
      // One of them was closed.
    }
    this.#end(from);
    if (!this.#lost.has(from)) this.#end(to);
  }

  #end(connection: Connection): void {
    close(connection);
    this.#connections.delete(connection);
  }

  #track(work: Promise<void>): void {
    this.#passing.add(work);
    void work.finally(() => this.#passing.delete(work));
  }
}

function close(connection: Connection): void {
  try {
    connection.close();
  } catch {
    // It was closed before.
  }
}
