import { withTimeout } from "../wait.ts";

/** A WebSocket client that records every frame. `await using` closes it. */
export class WebSocketClient {
  readonly frames: string[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly socket: WebSocket;
  #readCount = 0;
  #frameArrived = Promise.withResolvers<void>();

  constructor(target: string | WebSocket) {
    const opened = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<{ code: number; reason: string }>();
    this.opened = opened.promise;
    this.closed = closed.promise;
    this.socket = typeof target === "string" ? new WebSocket(target) : target;
    this.socket.onopen = () => opened.resolve();
    this.socket.onerror = (event) => event.preventDefault();
    this.socket.onclose = ({ code, reason }) => {
      opened.reject(new Error(`Closed with ${code} ${reason}`));
      closed.resolve({ code, reason });
    };
    this.socket.onmessage = ({ data }) => {
      this.frames.push(data);
      this.#frameArrived.resolve();
      this.#frameArrived = Promise.withResolvers();
    };
    this.opened.catch(() => {});
  }

  static async connect(url: string): Promise<WebSocketClient> {
    const client = new WebSocketClient(url);
    await withTimeout(client.opened, `a connection to ${url}`);
    return client;
  }

  /** Resolves to the next frame. */
  async next(): Promise<string> {
    while (this.#readCount >= this.frames.length) {
      await withTimeout(this.#frameArrived.promise, "a frame");
    }
    return this.frames[this.#readCount++] ?? "";
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.close();
    await withTimeout(this.closed, "the WebSocket to close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
