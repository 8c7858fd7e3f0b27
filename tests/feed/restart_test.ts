import { assertEquals } from "@std/assert";
import { runEvent } from "../../src/run/event.ts";
import { AppUnderTest } from "../fakes/app.ts";
import { StreamClient } from "../fakes/event_stream.ts";
import { aRun } from "../fakes/github.ts";
import { aStatus } from "../fakes/journal.ts";
import { SocketClient, until } from "../fakes/socket.ts";

const PATH = "/api/v1/events";

/** From `first` to `last`. */
function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Makes statuses happen until the feed has come to number `last`. */
async function publishUpTo({ app: { feed } }: AppUnderTest, last: number): Promise<void> {
  while (feed.lastSeq < last) await feed.publish(aStatus());
}

Deno.test("Feed gives every event once and in order to those who come back after a restart", async () => {
  const folder = await Deno.makeTempDir();
  const environment = { DATABASE_URL: `sqlite:${folder}/feed.db` };
  try {
    await using before = await new AppUnderTest({ environment }).start();
    await using stream = await StreamClient.begin(`${before.url}${PATH}?since=0`);
    await using socket = await SocketClient.connect(`${before.socketUrl}?topics=events&since=0`);
    await publishUpTo(before, 20);
    assertEquals(await stream.numbers(12), numbers(1, 12));
    for (const seq of numbers(1, 7)) assertEquals(JSON.parse(await socket.next()).seq, seq);
    await before.stop();

    await using after = await new AppUnderTest({ environment }).start();
    await publishUpTo(after, 40);
    const headers = { "last-event-id": "12" };
    await using streamAgain = await StreamClient.begin(`${after.url}${PATH}`, headers);
    assertEquals(await streamAgain.numbers(28), numbers(13, 40));
    await using socketAgain = await SocketClient.connect(
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
    await until(() => opened === 1, "it is connected");
    await before.stop();
    await using after = await new AppUnderTest({
      environment: { ...environment, SERVER_PORT: port },
    }).start();
    for (const id of numbers(1, 3)) await after.app.feed.publish(runEvent(aRun({ id })));
    await until(() => opened === 2, "it has come back");
    await after.app.feed.publish(runEvent(aRun({ id: 4 })));
    await until(() => received.includes(4), "it hears again");
    assertEquals(received, numbers(1, 4));
  } finally {
    source.close();
    await Deno.remove(folder, { recursive: true });
  }
});
