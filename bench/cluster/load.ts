// The load: `load.ts PROTOCOL CLIENTS PORT…` connects the clients to the servers by turns and says `connected`. For each
// line, a Phase as JSON, it sends messages, waits until all have come to all, and prints a Heard. It ends with its standard
// input.
import { WebSocketClient } from "../websocket_client.ts";
import { Epoll, sleep } from "../libc.ts";
import { print } from "../console.ts";
import { percentile } from "../percentile.ts";
import { PROTOCOLS } from "./protocol.ts";
import { type Faults, messageContent, MessageCounter } from "./message_counter.ts";

/** How messages are sent for some seconds. */
export type Phase =
  & { readonly seconds: number }
  & (
    /** At an even pace, */
    | { readonly perSecond: number }
    /** or as fast as they come: the next one as soon as fewer than so many are under way. */
    | { readonly maxInFlight: number }
  );

/** Times in milliseconds, from when a message is due to its arrival at the last client. */
export interface PhaseResult {
  readonly messages: number;
  /** From the first message to the last arrival. */
  readonly durationMs: number;
  readonly p50: number;
  readonly p99: number;
  /** Of all phases so far. */
  readonly faults: Faults;
}

/** Without a frame for so long, what has not come is lost. */
const IDLE_TIMEOUT_MS = 10_000;
/** So many clients speak, by turns: each is allowed ten messages a second. */
const PUBLISHERS = 100;
/** How long to look away when nothing has come: a server would pay for waking us up. */
const IDLE_SLEEP_US = 500;

const [protocolName = "", clientCount, ...ports] = Deno.args;
const protocol = PROTOCOLS[protocolName];
if (!protocol) throw new Error(`Cannot talk ${protocolName}`);
const { path, prefix: before, suffix: after, heartbeat } = protocol;
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
/** When message after message was due. */
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
      // Of a pace when it was due, so that one that cannot be kept shows.
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
  readers[publisher]?.write(`${before}${JSON.stringify(message)}${after}`);
}

function onFrame(reader: WebSocketClient, name: number, frame: Uint8Array): void {
  if (heartbeat && frame.length === heartbeat.ping.length) return reader.write(heartbeat.pong);
  const message = frame.subarray(before.length, frame.length - after.length);
  const number = counter.count(name, message);
  if (number !== undefined) times.push(performance.now() - (dueAt[number] ?? 0));
}
