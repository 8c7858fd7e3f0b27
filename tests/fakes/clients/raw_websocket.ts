import { withTimeout } from "../wait.ts";

const CLOSE_OPCODE = 8;

/** A WebSocket over plain TCP that answers no ping and reads only on request. `using` closes it. */
export class RawWebSocket {
  readonly #connection: Deno.TcpConn;
  #bytes = new Uint8Array();
  #isClosed = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Resolves when the server has answered. */
  static async connect(port: number, path = "/ws"): Promise<RawWebSocket> {
    const raw = new RawWebSocket(await Deno.connect({ hostname: "127.0.0.1", port }));
    const request = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    await raw.#connection.write(new TextEncoder().encode(`${request.join("\r\n")}\r\n\r\n`));
    while ((await raw.#readLine()) !== "") continue;
    return raw;
  }

  /** Sends one binary frame of 64 KiB and one byte, masked with zeros. */
  async sendOversizedFrame(): Promise<void> {
    const size = 64 * 1024 + 1;
    const frame = new Uint8Array(14 + size);
    frame.set([0x82, 0xff]);
    new DataView(frame.buffer).setBigUint64(2, BigInt(size));
    for (let sent = 0; sent < frame.byteLength;) {
      sent += await this.#connection.write(frame.subarray(sent));
    }
  }

  /** Reads until the close frame; resolves to its code and the bytes of each earlier frame. */
  async readUntilClose(): Promise<{ readonly code: number; readonly frames: readonly number[] }> {
    const frames: number[] = [];
    for (;;) {
      const { opcode, payload } = await this.#readFrame();
      if (opcode === CLOSE_OPCODE) {
        return { code: new DataView(payload.buffer).getUint16(0), frames };
      }
      frames.push(payload.byteLength);
    }
  }

  /** Reads `count` frames; resolves to the bytes of each. */
  async readFrames(count: number): Promise<readonly number[]> {
    const frames: number[] = [];
    while (frames.length < count) frames.push((await this.#readFrame()).payload.byteLength);
    return frames;
  }

  /** Reads until the server ends the connection. */
  async readUntilEnd(): Promise<void> {
    while (await this.#receive()) this.#bytes = new Uint8Array();
  }

  /** One frame of RFC 6455, section 5.2, unmasked as servers send them. */
  async #readFrame(): Promise<{ opcode: number; payload: Uint8Array<ArrayBuffer> }> {
    const [first = 0, second = 0] = await this.#readBytes(2);
    let length = second;
    if (second === 126) length = new DataView((await this.#readBytes(2)).buffer).getUint16(0);
    if (second === 127) {
      length = Number(new DataView((await this.#readBytes(8)).buffer).getBigUint64(0));
    }
    return { opcode: first & 0x0f, payload: await this.#readBytes(length) };
  }

  async #readLine(): Promise<string> {
    let line = "";
    while (!line.endsWith("\r\n")) line += new TextDecoder().decode(await this.#readBytes(1));
    return line.trimEnd();
  }

  async #readBytes(count: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#bytes.byteLength < count) {
      if (!await this.#receive()) throw new Error("The server ended the connection");
    }
    const bytes = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return bytes;
  }

  async #receive(): Promise<boolean> {
    const buffer = new Uint8Array(256 * 1024);
    const count = await withTimeout(this.#connection.read(buffer), "bytes on a raw connection")
      .catch((error) => {
        if (error instanceof Deno.errors.ConnectionReset) return null;
        throw error;
      });
    if (count === null) return false;
    const bytes = new Uint8Array(this.#bytes.byteLength + count);
    bytes.set(this.#bytes);
    bytes.set(buffer.subarray(0, count), this.#bytes.byteLength);
    this.#bytes = bytes;
    return true;
  }

  [Symbol.dispose](): void {
    if (!this.#isClosed) this.#connection.close();
    this.#isClosed = true;
  }
}
