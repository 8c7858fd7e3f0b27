// `latency.ts PORT CLIENTS PER_SECOND SECONDS` connects clients of `/ws?topics=events`, then posts deliveries at an even
// pace, and prints a Latency as JSON: from the moment a delivery is posted until its event is at the last client.
import { Readiness } from "../fanout/libc.ts";
import { FIRST_RUN, signedDeliveries } from "./delivery.ts";
import { FrameReader } from "./frames.ts";
import { percentile } from "./percentile.ts";
import { Sender } from "./sender.ts";

/** Times in milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** Event frames that never came. */
  readonly lost: number;
  /** Answers that were no success. */
  readonly refused: number;
}

/** Sent before anything counts. */
const WARM_UP_SECONDS = 2;
const SILENCE_MS = 10_000;
const SENDERS = 8;
const RUN_EVENT = new TextEncoder().encode('"type":"run"');
const ID = '"data":{"id":';
const decoder = new TextDecoder();
const COMMA = ",".charCodeAt(0);

const [port = 0, clients = 0, perSecond = 0, seconds = 0] = Deno.args.map(Number);
const warmUps = WARM_UP_SECONDS * perSecond;
const count = warmUps + seconds * perSecond;
const requests = signedDeliveries(count, { from: 0 });
const sentAt = new Float64Array(count);
/** By delivery, how many clients have its event. */
const arrivals = new Int32Array(count);
const times: number[] = [];
let refused = 0;
let delivered = 0;
let idAt = 0;

const readers = Array.from(
  { length: clients },
  () => new FrameReader(port, "/ws?topics=events"),
);
const senders = Array.from({ length: SENDERS }, () => new Sender(port));
const readiness = new Readiness();
readers.forEach(({ fd }, name) => readiness.add(fd, name));
senders.forEach(({ fd }, name) => readiness.add(fd, clients + name));

run();
print(JSON.stringify(
  {
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    worst: Math.max(...times),
    lost: clients * count - delivered,
    refused,
  } satisfies Latency,
));
Deno.stdin.readSync(new Uint8Array(1));

function run(): void {
  const idle = senders.map((_, name) => name);
  const startedAt = performance.now();
  let sent = 0;
  let heardAt = startedAt;
  while (delivered < clients * count && performance.now() - heardAt < SILENCE_MS) {
    const dueAt = startedAt + sent * 1_000 / perSecond;
    const name = sent < count && performance.now() >= dueAt ? idle.pop() : undefined;
    if (name !== undefined) {
      // When it was due, so that a pace that cannot be kept shows.
      sentAt[sent] = dueAt;
      const request = requests[sent++];
      if (request) senders[name]?.post(request);
      continue;
    }
    const ready = readiness.ready(1, (socket) => take(socket, idle));
    if (ready > 0) heardAt = performance.now();
  }
}

function take(socket: number, idle: number[]): void {
  if (socket < clients) return readers[socket]?.read((frame) => hear(frame));
  const status = senders[socket - clients]?.answer();
  if (status === undefined) return;
  if (status < 200 || status > 299) refused++;
  idle.push(socket - clients);
}

function hear(frame: Uint8Array): void {
  const type = frame.indexOf(COMMA) + 1;
  if (!RUN_EVENT.every((byte, at) => frame[type + at] === byte)) return;
  const number = runOf(frame.subarray(type)) - FIRST_RUN;
  delivered++;
  const arrived = (arrivals[number] ?? 0) + 1;
  arrivals[number] = arrived;
  if (arrived === clients && number >= warmUps) {
    times.push(performance.now() - (sentAt[number] ?? 0));
  }
}

/** What stands between an event's type and its run's id has the same length in every event here. */
function runOf(event: Uint8Array): number {
  if (idAt === 0) idAt = decoder.decode(event).indexOf(ID) + ID.length;
  return Number(decoder.decode(event.subarray(idAt, idAt + `${FIRST_RUN}`.length)));
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
