import { connect, receive, send } from "../fanout/libc.ts";

const HANDSHAKE_SECONDS = 10;
const TEXT = 0x81;
const PING = 0x89;
const PONG = 0x8a;
const MOST_BYTES = 131_072;
const buffer = new Uint8Array(262_144);

/** A WebSocket client of `/ws` that reads whole frames as they come, and answers heartbeats. */
export class FrameReader {
  readonly fd: number;
  #begun: Uint8Array<ArrayBuffer> | undefined;

  constructor(port: number, path: string) {
    this.fd = connect(port, HANDSHAKE_SECONDS);
    const request = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      "\r\n",
    ];
    send(this.fd, new TextEncoder().encode(request.join("\r\n")));
    let answer = "";
    while (!answer.includes("\r\n\r\n")) {
      answer += new TextDecoder().decode(buffer.subarray(0, receive(this.fd, buffer)));
    }
    if (!answer.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`Cannot upgrade: ${answer.split("\r\n", 1)[0]}`);
    }
  }

  /** To be called when there is something to read: gives every whole text frame to `each`. */
  read(each: (text: Uint8Array) => void): void {
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun) buffer.set(begun);
    const start = begun?.length ?? 0;
    const end = start + receive(this.fd, buffer.subarray(start));
    const rest = this.#take(end, each);
    if (rest < end) this.#begun = buffer.slice(rest, end);
  }

  /** RFC 6455, section 5.2, unmasked. Returns where the first incomplete frame begins. */
  #take(end: number, each: (text: Uint8Array) => void): number {
    let at = 0;
    while (at + 2 <= end) {
      const short = buffer[at + 1] ?? 0;
      if (short > 127) throw new Error("Cannot read a masked frame");
      const start = at + 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
      if (start > end) break;
      const length = short < 126 ? short : numberIn(buffer.subarray(at + 2, start));
      if (length > MOST_BYTES) throw new Error(`Cannot read a frame of ${length} bytes`);
      if (start + length > end) break;
      const payload = buffer.subarray(start, start + length);
      if (buffer[at] === TEXT) each(payload);
      else if (buffer[at] === PING) {
        send(this.fd, new Uint8Array([PONG, 0x80 | length, 0, 0, 0, 0, ...payload]));
      } else throw new Error(`Cannot take a frame that begins with ${buffer[at]}`);
      at = start + length;
    }
    return at;
  }
}

function numberIn(bytes: Uint8Array): number {
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}
