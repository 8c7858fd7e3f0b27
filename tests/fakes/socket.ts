/** How long a test waits for anything on a socket. */
const LIMIT_MS = 10_000;

/** Resolves with `promise`, or fails, naming `what`, when it takes too long. */
export async function within<T>(promise: Promise<T>, what: string, limit = LIMIT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${limit} ms in vain for ${what}`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A WebSocket client that remembers what it got. `await using` closes it. */
export class SocketClient {
  readonly frames: string[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly socket: WebSocket;
  #read = 0;
  #woken = Promise.withResolvers<void>();

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
      this.#woken.resolve();
      this.#woken = Promise.withResolvers();
    };
    this.opened.catch(() => {});
  }

  static async connect(url: string): Promise<SocketClient> {
    const client = new SocketClient(url);
    await within(client.opened, `a connection to ${url}`);
    return client;
  }

  /** The next frame that was not asked for yet. */
  async next(): Promise<string> {
    while (this.#read >= this.frames.length) await within(this.#woken.promise, "a frame");
    return this.frames[this.#read++] ?? "";
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.close();
    await within(this.closed, "the end of a connection");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Resolves when `condition` holds; fails, naming `what`, when it does not within `limit` ms. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limit = LIMIT_MS,
): Promise<void> {
  const deadline = Date.now() + limit;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${limit} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
