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
  return { journal: eventLog, store, told: published, sender, refusal: rejection };
}

Deno.test("Sender keeps a message, then tells of it", async () => {
  const { store, told: published, sender } = setUp();
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

Deno.test("Sender tells nothing of what was not kept", async () => {
  const { journal: eventLog, told: published, sender } = setUp();
  eventLog.error = new StorageError("unavailable", "The database is away");
  await assertRejects(() => sender.send(INPUT, ANONYMOUS_ADMIN), StorageError, "away");
  assertEquals(published, []);
});

Deno.test("Sender keeps messages in the order in which they come", async () => {
  const { told: published, sender } = setUp();
  const contents = Array.from({ length: 50 }, (_, at) => String(at));
  await Promise.all(contents.map((content) => sender.send({ ...INPUT, content }, ANONYMOUS_ADMIN)));
  assertEquals(published.map(({ data }) => "content" in data ? data.content : ""), contents);
});

Deno.test("Sender takes the author from the session, whatever is said", async () => {
  const { sender } = setUp();
  for (const userId of ["ada", "", "\n", undefined]) {
    const message = await sender.send({ ...INPUT, userId }, sessionPrincipal(MAY_WRITE));
    assertEquals(message.userId, "octocat");
  }
});

Deno.test("Sender wants an author of whoever has not signed in", async () => {
  const { refusal: rejection, sender } = setUp();
  for (const caller of [ANONYMOUS_ADMIN, keyPrincipal(MAY_WRITE)]) {
    assertEquals(await rejection({ userId: undefined }, caller), [
      "invalid_message",
      "Cannot do without user_id: allowed is 1 to 100 characters, none of them a control character",
    ]);
  }
  assertEquals((await sender.send(INPUT, keyPrincipal(MAY_WRITE))).userId, "ada");
});

Deno.test("Sender takes nothing from who may not write", async () => {
  const { refusal: rejection } = setUp();
  for (const caller of [keyPrincipal(), sessionPrincipal()]) {
    assertEquals(await rejection({}, caller), [
      "forbidden",
      "Cannot post: it needs the permission write",
    ]);
  }
});

Deno.test("Sender counts characters, not what they take", async () => {
  const { sender } = setUp();
  for (const content of ["x", " ", "\n\t", "😀".repeat(4_000), "é".repeat(4_000), "\u202e"]) {
    assertEquals((await sender.send({ ...INPUT, content }, ANONYMOUS_ADMIN)).content, content);
  }
  const userId = "😀".repeat(100);
  assertEquals((await sender.send({ ...INPUT, userId }, ANONYMOUS_ADMIN)).userId, userId);
});

for (
  const [what, content] of [
    ["an empty one", ""],
    ["4,001 characters", "x".repeat(4_001)],
    ["4,001 wide characters", "😀".repeat(4_001)],
    ["U+0000", "a\u0000b"],
    ["half a surrogate pair", "a\ud800b"],
  ] as const
) {
  Deno.test(`Sender refuses content: ${what}`, async () => {
    const { refusal: rejection } = setUp();
    const [code, message = ""] = await rejection({ content });
    assertEquals(code, "invalid_message");
    assertMatch(message, /^Cannot use content: allowed is 1 to 4,000 characters/);
  });
}

for (const userId of ["", "x".repeat(101), "a\nb", "a\u0000", "a\u0085", "\udc00"]) {
  Deno.test(`Sender refuses the user_id ${JSON.stringify(userId).slice(0, 20)}`, async () => {
    const { refusal: rejection } = setUp();
    const [code, message = ""] = await rejection({ userId });
    assertEquals(code, "invalid_message");
    assertMatch(message, /^Cannot use user_id: allowed is 1 to 100 characters/);
  });
}
