import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { sleep, withTimeout } from "../fakes/wait.ts";

const RECONNECT_MS = 200;

/**
 * A client of `/ws?topics=events` that reconnects to the next of several instances when its connection closes, and resumes
 * after the last sequence number it received. `await using` closes it.
 */
export class ResumingClient implements AsyncDisposable {
  /** The frames of all connections. */
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
    await withTimeout(this.#running, "the client to stop");
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
