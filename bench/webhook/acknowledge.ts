// The load: `acknowledge.ts PORT CONNECTIONS DELIVERIES WARM_UPS` sends the warm-up, prints `warm`, waits for a line,
// sends the rest at maximum speed, and prints an AcknowledgementResult as JSON.
import { Epoll } from "../libc.ts";
import { signedDeliveries } from "./delivery.ts";
import { percentile } from "../percentile.ts";
import { HttpConnection } from "./http_connection.ts";
import { print } from "../console.ts";

/** Times in milliseconds. */
export interface AcknowledgementResult {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Responses without success. */
  readonly failed: number;
}

const IDLE_TIMEOUT_MS = 10_000;

const [port = 0, connections = 0, deliveries = 0, warmUps = 0] = Deno.args.map(Number);
const requests = signedDeliveries(warmUps + deliveries, { from: 0 });
const senders = Array.from({ length: connections }, () => new HttpConnection(port));
const epoll = new Epoll();
senders.forEach(({ fd }, name) => epoll.add(fd, name));

deliver(requests.slice(0, warmUps));
print("warm");
Deno.stdin.readSync(new Uint8Array(16));
print(JSON.stringify(deliver(requests.slice(warmUps))));

/** Every connection sends its next delivery after the previous response. */
function deliver(all: readonly Uint8Array<ArrayBuffer>[]): AcknowledgementResult {
  const sentAt = new Float64Array(connections);
  const times: number[] = [];
  let sent = 0;
  let failed = 0;
  const startedAt = performance.now();
  for (const name of senders.keys()) post(name);
  while (times.length < all.length) {
    if (epoll.wait(IDLE_TIMEOUT_MS, onReadable) === 0) {
      throw new Error("the server does not respond");
    }
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  return {
    perSecond: all.length / seconds,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    failed,
  };

  function post(name: number): void {
    const request = all[sent++];
    if (!request) return;
    sentAt[name] = performance.now();
    senders[name]?.send(request);
  }

  function onReadable(name: number): void {
    const status = senders[name]?.readResponse();
    if (status === undefined) return;
    times.push(performance.now() - (sentAt[name] ?? 0));
    if (status < 200 || status > 299) failed++;
    post(name);
  }
}
