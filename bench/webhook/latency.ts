// `latency.ts PORT PATH CLIENTS PER_SECOND SECONDS` connects clients of `PATH`, for example `/ws?topics=events`, then posts
// deliveries at a constant rate, and prints a Latency as JSON: from the due time of a delivery to the arrival of its event
// at the last client.
import { Epoll } from "../libc.ts";
import { FIRST_RUN, signedDeliveries } from "./delivery.ts";
import { WebSocketClient } from "../websocket_client.ts";
import { percentile } from "../percentile.ts";
import { HttpConnection } from "./http_connection.ts";
import { print } from "../console.ts";

/** Times in milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** Events that did not reach a client. */
  readonly lost: number;
  /** Events that a client received repeatedly or out of order. */
  readonly disordered: number;
  /** Responses without success. */
  readonly failed: number;
}

const WARM_UP_SECONDS = 2;
const IDLE_TIMEOUT_MS = 10_000;
const SENDERS = 8;
/** The start of every event. Unambiguous, because quotes are escaped within JSON strings. */
const SEQ = '{"seq":';
const RUN = '"type":"run"';
const ID = '"data":{"id":';
const decoder = new TextDecoder();

const [, path = ""] = Deno.args;
const [port = 0, , clients = 0, perSecond = 0, seconds = 0] = Deno.args.map(Number);
const isBatching = path.includes("batch=true");
const warmUps = WARM_UP_SECONDS * perSecond;
const count = warmUps + seconds * perSecond;
const requests = signedDeliveries(count, { from: 0 });
const sentAt = new Float64Array(count);
/** By delivery, the number of clients that received its event. */
const arrivals = new Int32Array(count);
/** By client, the last sequence number. */
const lastSeqs = new Float64Array(clients);
const times: number[] = [];
let failed = 0;
let delivered = 0;
let disordered = 0;

const readers = Array.from({ length: clients }, () => new WebSocketClient(port, path));
const senders = Array.from({ length: SENDERS }, () => new HttpConnection(port));
const epoll = new Epoll();
readers.forEach(({ fd }, name) => epoll.add(fd, name));
senders.forEach(({ fd }, name) => epoll.add(fd, clients + name));

run();
print(JSON.stringify(
  {
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    worst: Math.max(...times),
    lost: clients * count - delivered,
    disordered,
    failed,
  } satisfies Latency,
));
Deno.stdin.readSync(new Uint8Array(1));

function run(): void {
  const idle = senders.map((_, name) => name);
  const startedAt = performance.now();
  let sent = 0;
  let lastFrameAt = startedAt;
  while (delivered < clients * count && performance.now() - lastFrameAt < IDLE_TIMEOUT_MS) {
    const dueAt = startedAt + sent * 1_000 / perSecond;
    const name = sent < count && performance.now() >= dueAt ? idle.pop() : undefined;
    if (name !== undefined) {
      // The due time, so that a missed rate shows as latency.
      sentAt[sent] = dueAt;
      const request = requests[sent++];
      if (request) senders[name]?.send(request);
      continue;
    }
    const ready = epoll.wait(1, (socket) => onReadable(socket, idle));
    if (ready > 0) lastFrameAt = performance.now();
  }
}

function onReadable(socket: number, idle: number[]): void {
  if (socket < clients) {
    return readers[socket]?.read((frame) => onFrame(decoder.decode(frame), socket));
  }
  const status = senders[socket - clients]?.readResponse();
  if (status === undefined) return;
  if (status < 200 || status > 299) failed++;
  idle.push(socket - clients);
}

/** Only the frames of one client are parsed: parsing all would cost more than receiving them. */
function onFrame(frame: string, client: number): void {
  if (client === 0 && Array.isArray(JSON.parse(frame)) !== isBatching) {
    throw new Error(
      `Unexpected frame ${frame.slice(0, 40)}…: expected ${isBatching ? "an array" : "an object"}`,
    );
  }
  for (let at = frame.indexOf(SEQ); at !== -1; at = frame.indexOf(SEQ, at + 1)) {
    const type = frame.indexOf(",", at) + 1;
    const seq = Number(frame.slice(at + SEQ.length, type - 1));
    const before = lastSeqs[client] ?? 0;
    if (before !== 0 && seq !== before + 1) disordered++;
    lastSeqs[client] = seq;
    if (frame.startsWith(RUN, type)) countArrival(frame, frame.indexOf(ID, type) + ID.length);
  }
}

/** Counts the arrival of an event; `at` is the offset of its run id. */
function countArrival(frame: string, at: number): void {
  const number = Number(frame.slice(at, at + `${FIRST_RUN}`.length)) - FIRST_RUN;
  delivered++;
  const arrived = (arrivals[number] ?? 0) + 1;
  arrivals[number] = arrived;
  if (arrived === clients && number >= warmUps) {
    times.push(performance.now() - (sentAt[number] ?? 0));
  }
}
