import { connect, receive, send } from "./libc.ts";

const HANDSHAKE_TIMEOUT_SECONDS = 10;
const TEXT = 0x81;
const PING = 0x89;
const PONG = 0x8a;
/** Leaves the bytes unchanged. */
const NO_MASK = [0, 0, 0, 0];
const MAX_FRAME_BYTES = 131_072;
const buffer = new Uint8Array(262_144);

/** A WebSocket client that reads complete frames and responds to pings. */
export class WebSocketClient {
  readonly fd: number;
  #partialFrame: Uint8Array<ArrayBuffer> | undefined;

  constructor(port: number, path: string) {
    this.fd = connect(port, HANDSHAKE_TIMEOUT_SECONDS);
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
    // Byte by byte, because a frame may follow.
    const byte = new Uint8Array(1);
    let response = "";
    while (!response.endsWith("\r\n\r\n")) {
      receive(this.fd, byte);
      response += String.fromCharCode(byte[0] ?? 0);
    }
    if (!response.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`Upgrade failed: ${response.split("\r\n", 1)[0]}`);
    }
  }

  /** Sends a text frame of at most 65,535 bytes in UTF-8. */
  write(text: string): void {
    const payload = new TextEncoder().encode(text);
    const { length } = payload;
    const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
    send(this.fd, new Uint8Array([TEXT, ...size, ...NO_MASK, ...payload]));
  }

  /** Call when the socket is readable; passes every complete text frame to `onText`. */
  read(onText: (text: Uint8Array) => void): void {
    const partialFrame = this.#partialFrame;
    this.#partialFrame = undefined;
    if (partialFrame) buffer.set(partialFrame);
    const start = partialFrame?.length ?? 0;
    const end = start + receive(this.fd, buffer.subarray(start));
    const rest = this.#parseFrames(end, onText);
    if (rest < end) this.#partialFrame = buffer.slice(rest, end);
  }

  /** RFC 6455, section 5.2, unmasked. Returns the offset of the first incomplete frame. */
  #parseFrames(end: number, onText: (text: Uint8Array) => void): number {
    let at = 0;
    while (at + 2 <= end) {
      const short = buffer[at + 1] ?? 0;
      if (short > 127) throw new Error("Unexpected masked frame");
      const start = at + 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
      if (start > end) break;
      const length = short < 126 ? short : readBigEndian(buffer.subarray(at + 2, start));
      if (length > MAX_FRAME_BYTES) throw new Error(`Unexpected frame of ${length} bytes`);
      if (start + length > end) break;
      const payload = buffer.subarray(start, start + length);
      if (buffer[at] === TEXT) onText(payload);
      else if (buffer[at] === PING) {
        send(this.fd, new Uint8Array([PONG, 0x80 | length, ...NO_MASK, ...payload]));
      } else throw new Error(`Unexpected frame: its first byte is ${buffer[at]}`);
      at = start + length;
    }
    return at;
  }
}

function readBigEndian(bytes: Uint8Array): number {
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}
