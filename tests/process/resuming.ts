import { SocketClient, within } from "../fakes/socket.ts";
import { pause } from "./cluster.ts";

const PAUSE_MS = 200;

/**
 * A client of `/ws?topics=events` that goes on at the next of several instances where the last one has left it, from the
 * number that it heard last. `await using` ends it.
 */
export class Resuming implements AsyncDisposable {
  /** All that it heard, over all connections. */
  readonly frames: string[] = [];
  connections = 0;
  readonly #urls: readonly string[];
  #isEnded = false;
  #socket: SocketClient | undefined;
  readonly #running: Promise<void>;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    await this.#socket?.close();
    await within(this.#running, "a client to end");
  }

  async #run(): Promise<void> {
    for (let at = 0; !this.#isEnded; at = (at + 1) % this.#urls.length) {
      await this.#follow(this.#urls[at] ?? "").catch(() => {});
      await pause(PAUSE_MS);
    }
  }

  async #follow(url: string): Promise<void> {
    const last = this.frames.at(-1);
    const since = last === undefined ? "" : `&since=${JSON.parse(last).seq}`;
    this.#socket = new SocketClient(`${url.replace("http", "ws")}/ws?topics=events${since}`);
    await this.#socket.opened;
    this.connections++;
    this.#socket.socket.addEventListener("message", ({ data }) => this.frames.push(data));
    await this.#socket.closed;
  }
}
