import { assert, assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { StorageError } from "../../../src/errors.ts";
import { joinMessages, messageFrame, nextContent, nextError } from "../../fakes/stores/messages.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";

const NOT_JSON = "Cannot read the frame: allowed is text, a JSON object with content, user_id";

/** Goes on by a second with each look, so that nobody is throttled. */
function fastForwardClock(): Clock {
  let ahead = 0;
  return { ...systemClock, now: () => Date.now() + (ahead += 1_000) };
}

Deno.test("Connections explains a bad frame to its sender alone, which stays", async () => {
  await using server = await new ServerUnderTest({ clock: fastForwardClock() }).start();
  await using client = await joinMessages(server);
  await using other = await joinMessages(server);
  const bad: readonly (readonly [string | Uint8Array<ArrayBuffer>, string])[] = [
    ["", NOT_JSON],
    ["{", NOT_JSON],
    ["\u0000", NOT_JSON],
    ["null", NOT_JSON],
    ["[]", NOT_JSON],
    ['"hello"', NOT_JSON],
    ["[".repeat(60_000), NOT_JSON],
    [new TextEncoder().encode(messageFrame("bytes")), NOT_JSON],
    [
      "{}",
      "Cannot do without content: allowed is 1 to 4,000 characters, none of them U+0000 or half a surrogate pair",
    ],
    [
      messageFrame(1),
      'Cannot use content="1": allowed is 1 to 4,000 characters, none of them U+0000 or half a surrogate pair',
    ],
    [messageFrame(""), 'Cannot use content="": allowed is'],
    [messageFrame("x".repeat(4_001)), `Cannot use content="${"x".repeat(100)}…": allowed is`],
    [messageFrame("a\u0000"), "Cannot use content="],
    ['{"content":"\\ud800","user_id":"ada"}', "Cannot use content="],
    [messageFrame("x", null), 'Cannot use user_id="null": allowed is 1 to 100 characters'],
    [messageFrame("x", "y".repeat(101)), "Cannot use user_id="],
    [messageFrame("x", "\n"), "Cannot use user_id="],
    ['{"content":"x"}', "Missing user_id: expected 1 to 100 characters"],
    [
      '{"content":"x","user_id":"ada","id":"1"}',
      'Cannot use field="id": allowed is content, user_id',
    ],
    ['{"content":"x","user_id":"ada","__proto__":{}}', "Cannot use field="],
  ];
  for (const [frame, words] of bad) {
    client.socket.send(frame);
    const { code, message } = await nextError(client);
    assertEquals([code, message.slice(0, words.length)], ["invalid_message", words]);
  }
  client.socket.send(messageFrame("x".repeat(4_000)));
  assertEquals((await nextContent(client)).length, 4_000);
  assertEquals((await nextContent(other)).length, 4_000);
  assertEquals([client.frames.length, other.frames.length], [bad.length + 1, 1]);
  assertEquals(server.messages.stored.length, 1);
});

Deno.test("Connections takes 20 frames at once, then 10 a second; beyond that it says so, and closes with 1008", async () => {
  let later = 0;
  const start = Date.now();
  const clock = { ...systemClock, now: () => start + later };
  await using server = await new ServerUnderTest({ clock }).start();
  await using client = await joinMessages(server);
  await using other = await joinMessages(server);
  const send = (count: number) => {
    for (let each = 0; each < count; each++) client.socket.send(messageFrame("x"));
  };
  send(20);
  await waitUntil(() => client.frames.length === 20, "a burst is told");
  later = 1_000;
  send(10);
  await waitUntil(() => client.frames.length === 30, "and 10 a second later");
  later = 1_099;
  send(5);
  assertEquals(await withTimeout(client.closed, "the end"), {
    code: 1008,
    reason: "10 messages a second are allowed, and 20 at once",
  });
  assertEquals(client.frames.map((frame) => JSON.parse(frame)).slice(30), [{
    error: {
      code: "rate_limited",
      message: "Cannot take so much: 10 messages a second are allowed, and 20 at once",
    },
  }]);
  await waitUntil(() => other.frames.length === 30, "the other has heard what was taken");
  await waitUntil(() => server.fanout.size === 1, "it is forgotten");
  other.socket.send(messageFrame("I may"));
  await waitUntil(() => other.frames.length === 31, "another is not throttled");
  assertEquals(server.messages.stored.length, 31);
});

Deno.test("Connections counts bad frames, too", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await joinMessages(server);
  for (let each = 0; each < 100; each++) client.socket.send("nonsense");
  assertEquals((await withTimeout(client.closed, "the end")).code, 1008);
  const codes = client.frames.map((frame) => JSON.parse(frame).error.code);
  assertEquals(codes.at(-1), "rate_limited");
  assert(codes.length < 40 && codes.slice(0, -1).every((code) => code === "invalid_message"));
});

for (
  const [kind, code] of [["unavailable", "storage_unavailable"], ["full", "storage_full"]] as const
) {
  Deno.test(`Connections says ${code} when a message cannot be kept, and goes on`, async () => {
    await using server = await new ServerUnderTest().start();
    await using client = await joinMessages(server);
    await using other = await joinMessages(server);
    server.eventLog.error = new StorageError(kind, "postgres://secret@host");
    client.socket.send(messageFrame("lost"));
    const error = await nextError(client);
    assertEquals(error.code, code);
    assert(!error.message.includes("secret"));
    server.eventLog.error = undefined;
    client.socket.send(messageFrame("kept"));
    assertEquals([await nextContent(client), await nextContent(other)], ["kept", "kept"]);
    assertEquals([client.frames.length, other.frames.length], [2, 1]);
  });
}

Deno.test("Connections hides what went wrong inside", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await joinMessages(server);
  server.eventLog.error = new TypeError("of nobody's business");
  client.socket.send(messageFrame("lost"));
  assertEquals(await nextError(client), {
    code: "internal",
    message: "Cannot take the message: look in the log",
  });
});
