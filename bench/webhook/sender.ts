import { connect, receive, send } from "../libc.ts";

const ANSWER_SECONDS = 10;
const decoder = new TextDecoder();
const buffer = new Uint8Array(65_536);

/** A connection that is kept alive, on which one delivery after the other is posted. */
export class Sender {
  readonly fd: number;
  #begun = "";
  #bytes = 0;

  constructor(port: number) {
    this.fd = connect(port, ANSWER_SECONDS);
  }

  /** Of the body of the last answer. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A request of 20 KB always fits into the buffers of an idle connection, so this never waits. */
  post(request: Uint8Array<ArrayBuffer>): void {
    send(this.fd, request);
  }

  /** To be called when there is something to read: the status of the answer, once all of it is here. */
  answer(): number | undefined {
    const text = this.#begun + decoder.decode(buffer.subarray(0, receive(this.fd, buffer)));
    const end = text.indexOf("\r\n\r\n");
    const [, length] = /^content-length: (\d+)\r$/im.exec(text) ?? [];
    const isWhole = end !== -1 && text.length >= end + 4 + Number(length);
    this.#begun = isWhole ? "" : text;
    this.#bytes = Number(length);
    return isWhole ? Number(text.slice(9, 12)) : undefined;
  }
}
