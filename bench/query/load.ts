// The load: `load.ts PORT CLIENTS SECONDS DELIVERIES_PER_SECOND FIRST_DELIVERY`. It reads the paths to request as a JSON
// array from one input line, and prints a QueryResult as JSON. Every client sends its next request after the previous
// response; deliveries arrive at a constant rate.
import { print } from "../console.ts";
import { Epoll } from "../libc.ts";
import { signedDeliveries } from "../webhook/delivery.ts";
import { percentile } from "../percentile.ts";
import { HttpConnection } from "../webhook/http_connection.ts";

/** Times in milliseconds. */
export interface QueryResult {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** Mean size of a response body. */
  readonly bytes: number;
  /** Responses without success, including deliveries. */
  readonly failed: number;
}

const IDLE_TIMEOUT_MS = 15_000;
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
const queryConnections = Array.from({ length: clients }, () => new HttpConnection(port));
const webhookConnections = Array.from({ length: SENDERS }, () => new HttpConnection(port));
const epoll = new Epoll();
[...queryConnections, ...webhookConnections].forEach(({ fd }, name) => epoll.add(fd, name));
print(JSON.stringify(run()));

function run(): QueryResult {
  const sentAt = new Float64Array(clients);
  const idle = webhookConnections.map((_, name) => name);
  const times: number[] = [];
  let nextRequest = 0;
  let delivered = 0;
  let failed = 0;
  let bytes = 0;
  let inFlight = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  for (const name of queryConnections.keys()) sendQuery(name);
  while (inFlight > 0) {
    deliver();
    if (epoll.wait(1, onReadable) === 0 && performance.now() > endsAt + IDLE_TIMEOUT_MS) {
      throw new Error("the server does not respond");
    }
  }
  const durationSeconds = (performance.now() - startedAt) / 1_000;
  return {
    perSecond: times.length / durationSeconds,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    worst: times.reduce((a, b) => Math.max(a, b), 0),
    bytes: bytes / times.length,
    failed,
  };

  function sendQuery(name: number): void {
    const request = requests[nextRequest++ % requests.length];
    if (!request || performance.now() > endsAt) return;
    inFlight++;
    sentAt[name] = performance.now();
    queryConnections[name]?.send(request);
  }

  function deliver(): void {
    const dueAt = startedAt + delivered * 1_000 / perSecond;
    const request = deliveries[delivered];
    if (!request || performance.now() < dueAt) return;
    const name = idle.pop();
    if (name === undefined) return;
    delivered++;
    inFlight++;
    webhookConnections[name]?.send(request);
  }

  function onReadable(name: number): void {
    const isQuery = name < clients;
    const connection = isQuery ? queryConnections[name] : webhookConnections[name - clients];
    const status = connection?.readResponse();
    if (status === undefined) return;
    inFlight--;
    if (status < 200 || status > 299) failed++;
    if (!isQuery) return void idle.push(name - clients);
    times.push(performance.now() - (sentAt[name] ?? 0));
    bytes += connection?.bodyBytes ?? 0;
    sendQuery(name);
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
