import { toRunEvent } from "../../../src/run/event.ts";
import { EventStreamClient } from "../clients/event_stream.ts";
import { WebSocketClient } from "../clients/websocket.ts";
import { waitUntil } from "../wait.ts";
import { aStatus } from "../stores/event_log.ts";
import { aRun } from "../stores/github.ts";
import type { ServerUnderTest } from "./server.ts";

/** Connects to `/ws` and waits until the client is subscribed: it receives no earlier events. */
export async function subscribe(server: ServerUnderTest, query: string): Promise<WebSocketClient> {
  const before = server.activeClients.size;
  const client = await WebSocketClient.connect(`${server.socketUrl}?${query}`);
  await waitUntil(() => server.activeClients.size > before, "the client is subscribed");
  return client;
}

/** Connects to `/api/v1/events` and reads past the preamble. */
export function subscribeToStream(
  server: ServerUnderTest,
  query = "",
  headers: Record<string, string> = {},
): Promise<EventStreamClient> {
  return EventStreamClient.connectPastPreamble(`${server.url}/api/v1/events${query}`, headers);
}

/** The sequence numbers of the next `count` events, sent one by one or in arrays. */
export async function readSeqs(client: WebSocketClient, count: number): Promise<number[]> {
  const seqs: number[] = [];
  while (seqs.length < count) {
    const events: { seq: number }[] = [JSON.parse(await client.next())].flat();
    seqs.push(...events.map(({ seq }) => seq));
  }
  return seqs;
}

export async function publishStatuses(server: ServerUnderTest, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await server.feed.publish(aStatus());
}

/** Publishes events of one megabyte each. A few of them fill the buffers between the server and a client that does not read. */
export async function publishHugeRuns(server: ServerUnderTest, count: number): Promise<void> {
  const displayTitle = "x".repeat(1024 * 1024);
  for (let i = 0; i < count; i++) await server.feed.publish(toRunEvent(aRun({ displayTitle })));
}

/** The integers from `from` to `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
