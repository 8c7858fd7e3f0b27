// The load: `load.ts PROTOCOL CLIENTS PORT…` connects the clients to the servers by turns and says `connected`. For each
// line, a Phase as JSON, it sends messages, waits until all have come to all, and prints a Heard. It ends with its standard
// input.
import { FrameReader } from "../frames.ts";
import { Readiness, sleep } from "../libc.ts";
import { print } from "../output.ts";
import { percentile } from "../percentile.ts";
import { PROTOCOLS } from "./protocol.ts";
import { contentOf, type Faults, Tally } from "./tally.ts";

/** How messages are sent for some seconds. */
export type Phase =
  & { readonly seconds: number }
  & (
    /** At an even pace, */
    | { readonly perSecond: number }
    /** or as fast as they come: the next one as soon as fewer than so many are under way. */
    | { readonly underWay: number }
  );

/** Times in milliseconds, from when a message is due to its arrival at the last client. */
export interface Heard {
  readonly messages: number;
  /** From the first message to the last arrival. */
  readonly tookMs: number;
  readonly p50: number;
  readonly p99: number;
  /** Of all phases so far. */
  readonly faults: Faults;
}

/** Without a frame for so long, what has not come is lost. */
const SILENCE_MS = 10_000;
/** So many clients speak, by turns: each is allowed ten messages a second. */
const SPEAKERS = 100;
/** How long to look away when nothing has come: a server would pay for waking us up. */
const LOOK_AWAY_US = 500;

const [protocolName = "", clientCount, ...ports] = Deno.args;
const protocol = PROTOCOLS[protocolName];
if (!protocol) throw new Error(`Cannot talk ${protocolName}`);
const { path, before, after, heartbeat } = protocol;
const clients = Number(clientCount);
const tally = new Tally(clients);
const readiness = new Readiness();
const readers = Array.from({ length: clients }, (_, name) => {
  const reader = new FrameReader(Number(ports[name % ports.length]), path);
  protocol.greet(reader);
  readiness.add(reader.fd, name);
  return reader;
});
const listeners = readers.map((reader, name) => (frame: Uint8Array) => hear(reader, name, frame));
/** When message after message was due. */
const dueAt: number[] = [];
let times: number[] = [];

print("connected");
const line = new Uint8Array(1_024);
for (let length; (length = Deno.stdin.readSync(line)) !== null;) {
  print(JSON.stringify(run(JSON.parse(new TextDecoder().decode(line.subarray(0, length))))));
}

function run(phase: Phase): Heard {
  times = [];
  const first = dueAt.length;
  const startedAt = performance.now();
  let heardAt = startedAt;
  for (;;) {
    const now = performance.now();
    const sent = dueAt.length - first;
    if (isDue(phase, { sent, elapsed: now - startedAt })) {
      // Of a pace when it was due, so that one that cannot be kept shows.
      speak("perSecond" in phase ? startedAt + sent * 1_000 / phase.perSecond : now);
      continue;
    }
    const isOver = now - startedAt >= phase.seconds * 1_000;
    if (isOver && (times.length === sent || now - heardAt > SILENCE_MS)) break;
    const ready = readiness.ready(0, (name) => {
      const listener = listeners[name];
      if (listener) readers[name]?.read(listener);
    });
    if (ready > 0) heardAt = performance.now();
    else sleep(LOOK_AWAY_US);
  }
  return {
    messages: dueAt.length - first,
    tookMs: heardAt - startedAt,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    faults: tally.faults(dueAt.length),
  };
}

function isDue(
  phase: Phase,
  { sent, elapsed }: { readonly sent: number; readonly elapsed: number },
): boolean {
  if ("underWay" in phase) {
    return elapsed < phase.seconds * 1_000 && sent - times.length < phase.underWay;
  }
  return sent < phase.perSecond * phase.seconds && elapsed >= sent * 1_000 / phase.perSecond;
}

function speak(due: number): void {
  const speaker = dueAt.length % SPEAKERS;
  const message = { content: contentOf(dueAt.length), user_id: `client ${speaker}` };
  dueAt.push(due);
  readers[speaker]?.write(`${before}${JSON.stringify(message)}${after}`);
}

function hear(reader: FrameReader, name: number, frame: Uint8Array): void {
  if (heartbeat && frame.length === heartbeat.asked.length) return reader.write(heartbeat.answer);
  const message = frame.subarray(before.length, frame.length - after.length);
  const number = tally.hear(name, message);
  if (number !== undefined) times.push(performance.now() - (dueAt[number] ?? 0));
}
