import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { withTimeout } from "../fakes/wait.ts";
import { sleep } from "./instance.ts";

const RECONNECT_MS = 200;

/**
 * A client of `/ws?topics=events` that goes on at the next of several instances where the last one has left it, from the
 * number that it heard last. `await using` ends it.
 */
export class ResumingClient implements AsyncDisposable {
  /** All that it heard, over all connections. */
  readonly frames: string[] = [];
  connections = 0;
  readonly #urls: readonly string[];
  #isClosed = false;
  #socket: WebSocketClient | undefined;
  readonly #running: Promise<void>;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#socket?.close();
    await withTimeout(this.#running, "a client to end");
  }

  async #run(): Promise<void> {
    for (let index = 0; !this.#isClosed; index = (index + 1) % this.#urls.length) {
      await this.#connect(this.#urls[index] ?? "").catch(() => {});
      await sleep(RECONNECT_MS);
    }
  }

  async #connect(url: string): Promise<void> {
    const last = this.frames.at(-1);
    const since = last === undefined ? "" : `&since=${JSON.parse(last).seq}`;
    this.#socket = new WebSocketClient(`${url.replace("http", "ws")}/ws?topics=events${since}`);
    await this.#socket.opened;
    this.connections++;
    this.#socket.socket.addEventListener("message", ({ data }) => this.frames.push(data));
    await this.#socket.closed;
  }
}
