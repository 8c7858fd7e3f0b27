import { assertEquals } from "@std/assert";
import { toRunEvent } from "../../src/run/event.ts";
import { AppUnderTest } from "../fakes/apps/app.ts";
import { EventStreamClient } from "../fakes/clients/event_stream.ts";
import { aRun } from "../fakes/stores/github.ts";
import { aStatus } from "../fakes/stores/event_log.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil } from "../fakes/wait.ts";

const PATH = "/api/v1/events";

/** Returns the numbers from `first` to `last`. */
function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Publishes statuses until the feed has reached number `last`. */
async function publishUpTo({ app: { feed } }: AppUnderTest, last: number): Promise<void> {
  while (feed.lastSeq < last) await feed.publish(aStatus());
}

Deno.test("Feed sends every event once and in order to clients that resume after a restart", async () => {
  const folder = await Deno.makeTempDir();
  const environment = { DATABASE_URL: `sqlite:${folder}/feed.db` };
  try {
    await using before = await new AppUnderTest({ environment }).start();
    await using stream = await EventStreamClient.connectPastPreamble(
      `${before.url}${PATH}?since=0`,
    );
    await using socket = await WebSocketClient.connect(`${before.socketUrl}?topics=events&since=0`);
    await publishUpTo(before, 20);
    assertEquals(await stream.nextSeqs(12), numbers(1, 12));
    for (const seq of numbers(1, 7)) assertEquals(JSON.parse(await socket.next()).seq, seq);
    await before.stop();

    await using after = await new AppUnderTest({ environment }).start();
    await publishUpTo(after, 40);
    const headers = { "last-event-id": "12" };
    await using streamAgain = await EventStreamClient.connectPastPreamble(
      `${after.url}${PATH}`,
      headers,
    );
    assertEquals(await streamAgain.nextSeqs(28), numbers(13, 40));
    await using socketAgain = await WebSocketClient.connect(
      `${after.socketUrl}?topics=events&since=7`,
    );
    for (const seq of numbers(8, 40)) assertEquals(JSON.parse(await socketAgain.next()).seq, seq);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("An EventSource misses nothing through a restart, not even before its first event", async () => {
  const folder = await Deno.makeTempDir();
  const environment = { DATABASE_URL: `sqlite:${folder}/feed.db` };
  await using before = await new AppUnderTest({ environment }).start();
  const { port } = new URL(before.url);
  const source = new EventSource(`${before.url}${PATH}?topics=run`);
  try {
    const received: number[] = [];
    let opened = 0;
    source.onopen = () => opened++;
    source.addEventListener("run", ({ data }) => received.push(JSON.parse(data).data.id));
    await waitUntil(() => opened === 1, "the stream is open");
    await before.stop();
    await using after = await new AppUnderTest({
      environment: { ...environment, SERVER_PORT: port },
    }).start();
    for (const id of numbers(1, 3)) await after.app.feed.publish(toRunEvent(aRun({ id })));
    await waitUntil(() => opened === 2, "the stream is open again");
    await after.app.feed.publish(toRunEvent(aRun({ id: 4 })));
    await waitUntil(() => received.includes(4), "the last event has arrived");
    assertEquals(received, numbers(1, 4));
  } finally {
    source.close();
    await Deno.remove(folder, { recursive: true });
  }
});
