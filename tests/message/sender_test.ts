import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ANONYMOUS_ADMIN, type Principal } from "../../src/account/principal.ts";
import { StorageError } from "../../src/errors.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { MessageError, type MessageInput, MessageSender } from "../../src/message/sender.ts";
import { keyPrincipal, sessionPrincipal } from "../fakes/stores/authenticator.ts";
import { FakeEventLog } from "../fakes/stores/event_log.ts";
import { MemoryMessageStore } from "../fakes/stores/messages.ts";

const INPUT: MessageInput = { content: "Hello", userId: "ada" };
const MAY_WRITE = { permissions: new Set(["read", "write"] as const) };

function setUp() {
  const eventLog = new FakeEventLog();
  const store = new MemoryMessageStore(eventLog);
  const published: StoredEvent[] = [];
  let ids = 0;
  const sender = new MessageSender({
    store,
    generateId: () => `id ${++ids}`,
    publish: (events) => published.push(...events),
  });
  const rejection = async (
    input: Partial<MessageInput>,
    principal: Principal = ANONYMOUS_ADMIN,
  ) => {
    const sending = () => sender.send({ ...INPUT, ...input }, principal);
    const { code, message } = await assertRejects(sending, MessageError);
    assertEquals([store.stored, published], [[], []]);
    return [code, message];
  };
  return { eventLog, store, published, sender, rejection };
}

Deno.test("MessageSender stores a message, then publishes its event", async () => {
  const { store, published, sender } = setUp();
  const message = await sender.send(INPUT, ANONYMOUS_ADMIN);
  const { createdAt } = message;
  assertEquals(message, { id: "id 1", content: "Hello", userId: "ada", createdAt });
  assertEquals(store.stored, [message]);
  const created_at = new Date(createdAt).toISOString();
  assertMatch(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(published.map(({ type, repository, data }) => ({ type, repository, data })), [{
    type: "message",
    repository: null,
    data: { id: "id 1", content: "Hello", user_id: "ada", created_at },
  }]);
});

Deno.test("MessageSender publishes nothing if the message was not stored", async () => {
  const { eventLog, published, sender } = setUp();
  eventLog.error = new StorageError("unavailable", "The database is unavailable");
  await assertRejects(() => sender.send(INPUT, ANONYMOUS_ADMIN), StorageError, "unavailable");
  assertEquals(published, []);
});

Deno.test("MessageSender stores messages in the order of the calls", async () => {
  const { published, sender } = setUp();
  const contents = Array.from({ length: 50 }, (_, at) => String(at));
  await Promise.all(contents.map((content) => sender.send({ ...INPUT, content }, ANONYMOUS_ADMIN)));
  assertEquals(published.map(({ data }) => "content" in data ? data.content : ""), contents);
});

Deno.test("MessageSender takes the author from the session and ignores user_id", async () => {
  const { sender } = setUp();
  for (const userId of ["ada", "", "\n", undefined]) {
    const message = await sender.send({ ...INPUT, userId }, sessionPrincipal(MAY_WRITE));
    assertEquals(message.userId, "octocat");
  }
});

Deno.test("MessageSender requires user_id without a session", async () => {
  const { rejection, sender } = setUp();
  for (const principal of [ANONYMOUS_ADMIN, keyPrincipal(MAY_WRITE)]) {
    assertEquals(await rejection({ userId: undefined }, principal), [
      "invalid_message",
      "Missing user_id: expected 1 to 100 characters, none of them a control character",
    ]);
  }
  assertEquals((await sender.send(INPUT, keyPrincipal(MAY_WRITE))).userId, "ada");
});

Deno.test("MessageSender rejects principals without the permission to write", async () => {
  const { rejection } = setUp();
  for (const principal of [keyPrincipal(), sessionPrincipal()]) {
    assertEquals(await rejection({}, principal), [
      "forbidden",
      'Permission "write" is required to post messages',
    ]);
  }
});

Deno.test("MessageSender counts code points, not bytes or UTF-16 units", async () => {
  const { sender } = setUp();
  for (const content of ["x", " ", "\n\t", "😀".repeat(4_000), "é".repeat(4_000), "\u202e"]) {
    assertEquals((await sender.send({ ...INPUT, content }, ANONYMOUS_ADMIN)).content, content);
  }
  const userId = "😀".repeat(100);
  assertEquals((await sender.send({ ...INPUT, userId }, ANONYMOUS_ADMIN)).userId, userId);
});

for (
  const [what, content] of [
    ["empty", ""],
    ["4,001 characters", "x".repeat(4_001)],
    ["4,001 wide characters", "😀".repeat(4_001)],
    ["U+0000", "a\u0000b"],
    ["an unpaired surrogate", "a\ud800b"],
  ] as const
) {
  Deno.test(`MessageSender rejects content: ${what}`, async () => {
    const { rejection } = setUp();
    const [code, message = ""] = await rejection({ content });
    assertEquals(code, "invalid_message");
    assertMatch(message, /^Invalid content: expected 1 to 4,000 characters/);
  });
}

for (const userId of ["", "x".repeat(101), "a\nb", "a\u0000", "a\u0085", "\udc00"]) {
  Deno.test(`MessageSender rejects the user_id ${JSON.stringify(userId).slice(0, 20)}`, async () => {
    const { rejection } = setUp();
    const [code, message = ""] = await rejection({ userId });
    assertEquals(code, "invalid_message");
    assertMatch(message, /^Invalid user_id: expected 1 to 100 characters/);
  });
}
