/** How long a test waits for anything on a socket. */
const TIMEOUT_MS = 10_000;

/** Resolves with `promise`, or fails, naming `what`, when it takes too long. */
export async function withTimeout<T>(
  promise: Promise<T>,
  description: string,
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${timeoutMs} ms in vain for ${description}`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** A WebSocket client that remembers what it got. `await using` closes it. */
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

  /** The next frame that was not asked for yet. */
  async next(): Promise<string> {
    while (this.#readCount >= this.frames.length) {
      await withTimeout(this.#frameArrived.promise, "a frame");
    }
    return this.frames[this.#readCount++] ?? "";
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.close();
    await withTimeout(this.closed, "the end of a connection");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Resolves when `condition` holds; fails, naming `what`, when it does not within `limit` ms. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  description: string,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain until ${description}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
