import { assertEquals } from "@std/assert";
import { withTimeout } from "../wait.ts";

/** A client of an event stream that reads every byte. `await using` disconnects. */
export class EventStreamClient {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(response: Response) {
    this.response = response;
    const body = response.body ?? new ReadableStream();
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Resolves when the server has answered with a stream. */
  static async connect(
    url: string,
    headers: Record<string, string> = {},
  ): Promise<EventStreamClient> {
    const response = await withTimeout(fetch(url, { headers }), `an answer from ${url}`);
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new EventStreamClient(response);
  }

  /** Connects, and reads the preamble of every stream: the reconnection time and the current sequence number. */
  static async connectPastPreamble(
    url: string,
    headers: Record<string, string> = {},
  ): Promise<EventStreamClient> {
    const client = await EventStreamClient.connect(url, headers);
    assertEquals(await client.next(), "retry:2000");
    assertEquals((await client.next())?.startsWith("id:"), true);
    return client;
  }

  /** The next block, without the empty line that ends it; `undefined` at the end of the stream. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return block;
      }
      const { value, done } = await withTimeout(this.#reader.read(), "a block of an event stream");
      if (done) return undefined;
      this.#text += value;
    }
  }

  /** The sequence numbers of the next `count` events. */
  async nextSeqs(count: number): Promise<number[]> {
    const nextSeqs: number[] = [];
    while (nextSeqs.length < count) {
      const block = await this.next();
      if (block === undefined) throw new Error(`The stream ended after ${nextSeqs.join(", ")}`);
      if (block.startsWith("event:")) nextSeqs.push(Number(block.match(/^id:(\d+)$/m)?.[1]));
    }
    return nextSeqs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await withTimeout(this.#reader.cancel(), "the end of an event stream");
  }
}
