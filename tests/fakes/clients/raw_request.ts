import { withTimeout } from "../wait.ts";

/** The response of a server over plain TCP. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** A request over plain TCP that sends only the bytes given by the test. `using` closes it. */
export class RawRequest {
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Sends the head of a POST. */
  static post(
    port: number,
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<RawRequest> {
    return RawRequest.#start(port, `POST ${path}`, headers);
  }

  /** Sends a complete GET. */
  static get(
    port: number,
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<RawRequest> {
    return RawRequest.#start(port, `GET ${path}`, headers);
  }

  static async #start(
    port: number,
    request: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<RawRequest> {
    const raw = new RawRequest(await Deno.connect({ hostname: "127.0.0.1", port }));
    const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`);
    await raw.send(`${request} HTTP/1.1\r\n${lines.join("")}\r\n`);
    return raw;
  }

  async send(text: string): Promise<void> {
    let rest = new TextEncoder().encode(text);
    while (rest.byteLength > 0) {
      rest = rest.subarray(await withTimeout(this.#connection.write(rest), "bytes to be taken"));
    }
  }

  /** Reads until the response is complete. */
  async readResponse(): Promise<RawResponse> {
    const buffer = new Uint8Array(64 * 1024);
    let text = "";
    for (;;) {
      const response = parseResponse(text);
      if (response) return response;
      const count = await withTimeout(this.#connection.read(buffer), "an answer");
      if (count === null) throw new Error("The server ended the connection");
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
  }

  /** Closes the connection, also in the middle of the request. */
  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

function parseResponse(text: string): RawResponse | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Headers(lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  }));
  const body = text.slice(end + 4);
  if (body.length < Number(headers.get("content-length"))) return undefined;
  return { status: Number(first.split(" ")[1]), headers, body };
}
