// The load: `load.ts PORT CLIENTS SECONDS DELIVERIES_A_SECOND FIRST_DELIVERY`. It reads the paths to ask for, as a JSON list,
// from a line of its standard input, and prints an Asked as JSON. Every client asks for its next path when it has the answer
// to the one before; deliveries come at an even pace beside them.
import { Readiness } from "../libc.ts";
import { signedDeliveries } from "../webhook/delivery.ts";
import { percentile } from "../percentile.ts";
import { Sender } from "../webhook/sender.ts";

/** Times in milliseconds. */
export interface Asked {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** Of an answer's body, on average. */
  readonly bytes: number;
  /** Answers that were no success, of deliveries too. */
  readonly refused: number;
}

const SILENCE_MS = 15_000;
const SENDERS = 4;
const encoder = new TextEncoder();

const [port = 0, clients = 0, seconds = 0, perSecond = 0, first = 0] = Deno.args.map(Number);
const deliveries = signedDeliveries(Math.ceil(seconds * perSecond), { from: first });
const line = await readLine();
const paths: string[] = JSON.parse(line);
const requests = paths.map((path) =>
  encoder.encode(
    `GET ${encodeURI(path)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n`,
  )
);
const askers = Array.from({ length: clients }, () => new Sender(port));
const senders = Array.from({ length: SENDERS }, () => new Sender(port));
const readiness = new Readiness();
[...askers, ...senders].forEach(({ fd }, name) => readiness.add(fd, name));
print(JSON.stringify(run()));

function run(): Asked {
  const askedAt = new Float64Array(clients);
  const idle = senders.map((_, name) => name);
  const times: number[] = [];
  let turn = 0;
  let delivered = 0;
  let refused = 0;
  let bytes = 0;
  let underWay = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  for (const name of askers.keys()) ask(name);
  while (underWay > 0) {
    deliver();
    if (readiness.ready(1, take) === 0 && performance.now() > endsAt + SILENCE_MS) {
      throw new Error("The server does not answer");
    }
  }
  const took = (performance.now() - startedAt) / 1_000;
  return {
    perSecond: times.length / took,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    worst: times.reduce((a, b) => Math.max(a, b), 0),
    bytes: bytes / times.length,
    refused,
  };

  function ask(name: number): void {
    const request = requests[turn++ % requests.length];
    if (!request || performance.now() > endsAt) return;
    underWay++;
    askedAt[name] = performance.now();
    askers[name]?.post(request);
  }

  function deliver(): void {
    const dueAt = startedAt + delivered * 1_000 / perSecond;
    const request = deliveries[delivered];
    if (!request || performance.now() < dueAt) return;
    const name = idle.pop();
    if (name === undefined) return;
    delivered++;
    underWay++;
    senders[name]?.post(request);
  }

  function take(name: number): void {
    const isAsker = name < clients;
    const sender = isAsker ? askers[name] : senders[name - clients];
    const status = sender?.answer();
    if (status === undefined) return;
    underWay--;
    if (status < 200 || status > 299) refused++;
    if (!isAsker) return void idle.push(name - clients);
    times.push(performance.now() - (askedAt[name] ?? 0));
    bytes += sender?.bytes ?? 0;
    ask(name);
  }
}

async function readLine(): Promise<string> {
  let text = "";
  for await (const part of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) break;
  }
  return text;
}

function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}
