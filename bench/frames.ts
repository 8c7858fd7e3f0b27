import { connect, receive, send } from "./libc.ts";

const HANDSHAKE_SECONDS = 10;
const TEXT = 0x81;
const PING = 0x89;
const PONG = 0x8a;
/** It leaves bytes as they are. */
const NO_MASK = [0, 0, 0, 0];
const MOST_BYTES = 131_072;
const buffer = new Uint8Array(262_144);

/** A WebSocket client that reads whole frames as they come, and answers heartbeats. */
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
    // Byte by byte: what follows may be a frame.
    const byte = new Uint8Array(1);
    let answer = "";
    while (!answer.endsWith("\r\n\r\n")) {
      receive(this.fd, byte);
      answer += String.fromCharCode(byte[0] ?? 0);
    }
    if (!answer.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`Cannot upgrade: ${answer.split("\r\n", 1)[0]}`);
    }
  }

  /** Says something in a text frame, of at most 65,535 bytes in UTF-8. */
  write(text: string): void {
    const payload = new TextEncoder().encode(text);
    const { length } = payload;
    const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
    send(this.fd, new Uint8Array([TEXT, ...size, ...NO_MASK, ...payload]));
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
        send(this.fd, new Uint8Array([PONG, 0x80 | length, ...NO_MASK, ...payload]));
      } else throw new Error(`Cannot take a frame that begins with ${buffer[at]}`);
      at = start + length;
    }
    return at;
  }
}

function numberIn(bytes: Uint8Array): number {
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}
