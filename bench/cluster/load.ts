// The load: `load.ts PROTOCOL CLIENTS PORT…` connects the clients to the servers in turn and prints `connected`. For each
// input line, a Phase as JSON, it sends messages, waits until every client has received all of them, and prints a
// PhaseResult as JSON. It ends with its standard input.
import { WebSocketClient } from "../websocket_client.ts";
import { Epoll, sleep } from "../libc.ts";
import { print } from "../console.ts";
import { percentile } from "../percentile.ts";
import { PROTOCOLS } from "./protocol.ts";
import { type Faults, messageContent, MessageCounter } from "./message_counter.ts";

/** A phase of sending: at a constant rate, or with a limited number of messages in flight. */
export type Phase =
  & { readonly seconds: number }
  & (
    | { readonly perSecond: number }
    | { readonly maxInFlight: number }
  );

/** Latencies in milliseconds, from the due time of a message to its arrival at the last client. */
export interface PhaseResult {
  readonly messages: number;
  /** From the first message to the last arrival. */
  readonly durationMs: number;
  readonly p50: number;
  readonly p99: number;
  /** Total of all phases so far. */
  readonly faults: Faults;
}

/** Messages that have not arrived after this time without a frame are lost. */
const IDLE_TIMEOUT_MS = 10_000;
/** Number of sending clients, in turn, because each may send ten messages per second. */
const PUBLISHERS = 100;
/** Sleep between reads without a frame: a blocking read would cost the server a wake-up. */
const IDLE_SLEEP_US = 500;

const [protocolName = "", clientCount, ...ports] = Deno.args;
const protocol = PROTOCOLS[protocolName];
if (!protocol) {
  throw new Error(
    `Unknown protocol "${protocolName}": expected ${Object.keys(PROTOCOLS).join(" or ")}`,
  );
}
const { path, prefix, suffix, heartbeat } = protocol;
const clients = Number(clientCount);
const counter = new MessageCounter(clients);
const epoll = new Epoll();
const readers = Array.from({ length: clients }, (_, name) => {
  const reader = new WebSocketClient(Number(ports[name % ports.length]), path);
  protocol.handshake(reader);
  epoll.add(reader.fd, name);
  return reader;
});
const listeners = readers.map((reader, name) => (frame: Uint8Array) =>
  onFrame(reader, name, frame)
);
/** The due time of each message, by number. */
const dueAt: number[] = [];
let times: number[] = [];

print("connected");
const line = new Uint8Array(1_024);
for (let length; (length = Deno.stdin.readSync(line)) !== null;) {
  print(JSON.stringify(run(JSON.parse(new TextDecoder().decode(line.subarray(0, length))))));
}

function run(phase: Phase): PhaseResult {
  times = [];
  const first = dueAt.length;
  const startedAt = performance.now();
  let lastFrameAt = startedAt;
  for (;;) {
    const now = performance.now();
    const sent = dueAt.length - first;
    if (isDue(phase, { sent, elapsed: now - startedAt })) {
      // At a constant rate the due time counts, so that a missed rate shows as latency.
      publish("perSecond" in phase ? startedAt + sent * 1_000 / phase.perSecond : now);
      continue;
    }
    const isOver = now - startedAt >= phase.seconds * 1_000;
    if (isOver && (times.length === sent || now - lastFrameAt > IDLE_TIMEOUT_MS)) break;
    const ready = epoll.wait(0, (name) => {
      const listener = listeners[name];
      if (listener) readers[name]?.read(listener);
    });
    if (ready > 0) lastFrameAt = performance.now();
    else sleep(IDLE_SLEEP_US);
  }
  return {
    messages: dueAt.length - first,
    durationMs: lastFrameAt - startedAt,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    faults: counter.faults(dueAt.length),
  };
}

function isDue(
  phase: Phase,
  { sent, elapsed }: { readonly sent: number; readonly elapsed: number },
): boolean {
  if ("maxInFlight" in phase) {
    return elapsed < phase.seconds * 1_000 && sent - times.length < phase.maxInFlight;
  }
  return sent < phase.perSecond * phase.seconds && elapsed >= sent * 1_000 / phase.perSecond;
}

function publish(due: number): void {
  const publisher = dueAt.length % PUBLISHERS;
  const message = { content: messageContent(dueAt.length), user_id: `client ${publisher}` };
  dueAt.push(due);
  readers[publisher]?.write(`${prefix}${JSON.stringify(message)}${suffix}`);
}

function onFrame(reader: WebSocketClient, name: number, frame: Uint8Array): void {
  if (heartbeat && frame.length === heartbeat.ping.length) return reader.write(heartbeat.pong);
  const message = frame.subarray(prefix.length, frame.length - suffix.length);
  const number = counter.count(name, message);
  if (number !== undefined) times.push(performance.now() - (dueAt[number] ?? 0));
}
