import { assertEquals } from "@std/assert";
import { within } from "./socket.ts";

/** A client of an event stream that sees every byte. `await using` leaves. */
export class StreamClient {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(response: Response) {
    this.response = response;
    const body = response.body ?? new ReadableStream();
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Resolves when the server has answered with a stream. */
  static async connect(url: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    const response = await within(fetch(url, { headers }), `an answer from ${url}`);
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new StreamClient(response);
  }

  /** Connects, and reads what every stream begins with: when to come back, and the number it is at. */
  static async begin(url: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    const client = await StreamClient.connect(url, headers);
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
      const { value, done } = await within(this.#reader.read(), "a block of an event stream");
      if (done) return undefined;
      this.#text += value;
    }
  }

  /** The numbers of the next `count` events. */
  async numbers(count: number): Promise<number[]> {
    const numbers: number[] = [];
    while (numbers.length < count) {
      const block = await this.next();
      if (block === undefined) throw new Error(`The stream ended after ${numbers.join(", ")}`);
      if (block.startsWith("event:")) numbers.push(Number(block.match(/^id:(\d+)$/m)?.[1]));
    }
    return numbers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await within(this.#reader.cancel(), "the end of an event stream");
  }
}
