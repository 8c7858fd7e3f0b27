// The load: `clients.ts PORT CLIENTS BROADCASTS WARM_UPS` connects, prints `connected`, receives, prints
// FrameCounts as JSON, and stays connected until its standard input ends.
import { connect, Epoll, receive, send } from "../libc.ts";
import { FrameCounter } from "./frame_counter.ts";
import { print } from "../console.ts";

/** Frames that have not arrived after this time without a frame are lost. */
const IDLE_TIMEOUT_MS = 5_000;
const HANDSHAKE_TIMEOUT_SECONDS = 10;
const TEXT = 0x81;
const PING = 0x89;
const PONG = 0x8a;

const [port = 0, clients = 0, broadcasts = 0, warmUps = 0] = Deno.args.map(Number);

const request = new TextEncoder().encode([
  "GET /ws HTTP/1.1",
  `Host: 127.0.0.1:${port}`,
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "\r\n",
].join("\r\n"));

const buffer = new Uint8Array(65_536);
const counter = new FrameCounter(clients, broadcasts, { warmUps });
const epoll = new Epoll();
const sockets = Array.from({ length: clients }, open);
/** By client, the start of an incomplete frame. */
const partialFrames: (Uint8Array<ArrayBuffer> | undefined)[] = new Array(clients).fill(undefined);

sockets.forEach((fd, client) => epoll.add(fd, client));
print("connected");
receiveAll();
print(JSON.stringify(counter.result()));
Deno.stdin.readSync(new Uint8Array(1));

/** Sequential handshakes: a burst of connections is not part of the measurement. */
function open(): number {
  const fd = connect(port, HANDSHAKE_TIMEOUT_SECONDS);
  send(fd, request);
  const answer = new TextDecoder().decode(buffer.subarray(0, receive(fd, buffer)));
  if (!answer.startsWith("HTTP/1.1 101 ") || !answer.endsWith("\r\n\r\n")) {
    throw new Error(`Upgrade failed: ${answer.split("\r\n", 1)[0]}`);
  }
  return fd;
}

/**
 * While a broadcast is under way this looks for more without sleeping: a sleeping receiver would have to be woken
 * by the server's system calls, which costs the server 3 to 4 microseconds a frame.
 */
function receiveAll(): void {
  let lastFrameAt = performance.now();
  while (!counter.isComplete && performance.now() - lastFrameAt < IDLE_TIMEOUT_MS) {
    const ready = epoll.wait(counter.isInFlight ? 0 : IDLE_TIMEOUT_MS, receiveFrom);
    if (ready > 0) lastFrameAt = performance.now();
  }
}

function receiveFrom(client: number): void {
  const fd = sockets[client] ?? -1;
  const partial = partialFrames[client];
  partialFrames[client] = undefined;
  if (partial) buffer.set(partial);
  const start = partial?.length ?? 0;
  const end = start + receive(fd, start > 0 ? buffer.subarray(start) : buffer);
  const rest = parseFrames(client, end);
  if (rest < end) partialFrames[client] = buffer.slice(rest, end);
}

/** Parses the complete frames (RFC 6455, section 5.2, unmasked) before `end`; returns the offset of the first incomplete one. */
function parseFrames(client: number, end: number): number {
  let at = 0;
  while (at + 4 <= end || (at + 2 <= end && buffer[at + 1] === 0)) {
    const short = buffer[at + 1] ?? 0;
    if (short > 126) throw new Error("Unexpected frame: masked, or over 65,535 bytes");
    const start = at + (short === 126 ? 4 : 2);
    const length = short === 126 ? (buffer[at + 2] ?? 0) << 8 | (buffer[at + 3] ?? 0) : short;
    if (start + length > end) break;
    handleFrame(client, buffer[at] ?? 0, { start, end: start + length });
    at = start + length;
  }
  return at;
}

function handleFrame(
  client: number,
  opcode: number,
  payload: { start: number; end: number },
): void {
  if (opcode === TEXT) return counter.count(client, buffer, payload);
  if (opcode !== PING) {
    throw new Error(`Unexpected frame: its first byte is 0x${opcode.toString(16)}`);
  }
  const content = buffer.subarray(payload.start, payload.end);
  send(
    sockets[client] ?? -1,
    new Uint8Array([PONG, 0x80 | content.length, 0, 0, 0, 0, ...content]),
  );
}
