import { connect, receive, send } from "../libc.ts";

const TIMEOUT_SECONDS = 10;
const decoder = new TextDecoder();
const buffer = new Uint8Array(65_536);

/** A connection that is kept alive, on which one delivery after the other is posted. */
export class HttpConnection {
  readonly fd: number;
  #partialResponse = "";
  #bodyBytes = 0;

  constructor(port: number) {
    this.fd = connect(port, TIMEOUT_SECONDS);
  }

  /** Of the body of the last answer. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** A request of 20 KB always fits into the buffers of an idle connection, so this never waits. */
  send(request: Uint8Array<ArrayBuffer>): void {
    send(this.fd, request);
  }

  /** To be called when there is something to read: the status of the answer, once all of it is here. */
  readResponse(): number | undefined {
    const text = this.#partialResponse +
      decoder.decode(buffer.subarray(0, receive(this.fd, buffer)));
    const end = text.indexOf("\r\n\r\n");
    const [, length] = /^content-length: (\d+)\r$/im.exec(text) ?? [];
    const isComplete = end !== -1 && text.length >= end + 4 + Number(length);
    this.#partialResponse = isComplete ? "" : text;
    this.#bodyBytes = Number(length);
    return isComplete ? Number(text.slice(9, 12)) : undefined;
  }
}
