/** Concurrent connection attempts: the poller in the same process must not be delayed. */
const BATCH_SIZE = 20;
const CONNECT_TIMEOUT_MS = 10_000;

/** Connected clients of `/ws` and their received frames. */
export class Clients {
  readonly #counts: number[] = [];

  /** The minimum and maximum number of frames per client. */
  get frameRange(): { readonly minFrames: number; readonly maxFrames: number } {
    return { minFrames: Math.min(...this.#counts), maxFrames: Math.max(...this.#counts) };
  }

  /** Resolves when `count` clients are connected to `url`; the server closes them. */
  async connect(url: string, count: number): Promise<void> {
    for (let from = 0; from < count; from += BATCH_SIZE) {
      const group = Array.from(
        { length: Math.min(BATCH_SIZE, count - from) },
        (_, at) => from + at,
      );
      await Promise.all(group.map((client) => this.#open(url, client)));
    }
  }

  #open(url: string, client: number): Promise<void> {
    const opened = Promise.withResolvers<void>();
    const limit = setTimeout(
      () => opened.reject(new Error(`client ${client} failed to connect`)),
      CONNECT_TIMEOUT_MS,
    );
    this.#counts[client] = 0;
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
    socket.onmessage = () => this.#counts[client] = (this.#counts[client] ?? 0) + 1;
    socket.onopen = () => {
      clearTimeout(limit);
      opened.resolve();
    };
    socket.onerror = (event) => {
      event.preventDefault();
      opened.reject(new Error(`client ${client} was disconnected`));
    };
    return opened.promise;
  }
}
