import { connect, receive, send } from "../libc.ts";

const TIMEOUT_SECONDS = 10;
const decoder = new TextDecoder();
const buffer = new Uint8Array(65_536);

/** A keep-alive connection for sequential requests. */
export class HttpConnection {
  readonly fd: number;
  #partialResponse = "";
  #bodyBytes = 0;

  constructor(port: number) {
    this.fd = connect(port, TIMEOUT_SECONDS);
  }

  /** Size of the last response body. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Never blocks: a request of 20 KB fits into the buffers of an idle connection. */
  send(request: Uint8Array<ArrayBuffer>): void {
    send(this.fd, request);
  }

  /** Call when the socket is readable; returns the status once the response is complete. */
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
