import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type Principal, ANONYMOUS_ADMIN } from "../../src/account/principal.ts";
import { StorageError } from "../../src/errors.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { type Draft, MessageError, Sender } from "../../src/message/send.ts";
import { keyCaller, sessionCaller } from "../fakes/callers.ts";
import { FakeJournal } from "../fakes/journal.ts";
import { MemoryMessageStore } from "../fakes/messages.ts";

const DRAFT: Draft = { content: "Hello", userId: "ada" };
const MAY_WRITE = { permissions: new Set(["read", "write"] as const) };

function setUp() {
  const journal = new FakeJournal();
  const store = new MemoryMessageStore(journal);
  const told: StoredEvent[] = [];
  let ids = 0;
  const sender = new Sender({
    store,
    newId: () => `id ${++ids}`,
    tell: (events) => told.push(...events),
  });
  const refusal = async (draft: Partial<Draft>, caller: Principal = ANONYMOUS_ADMIN) => {
    const sending = () => sender.send({ ...DRAFT, ...draft }, caller);
    const { code, message } = await assertRejects(sending, MessageError);
    assertEquals([store.kept, told], [[], []]);
    return [code, message];
  };
  return { journal, store, told, sender, refusal };
}

Deno.test("Sender keeps a message, then tells of it", async () => {
  const { store, told, sender } = setUp();
  const message = await sender.send(DRAFT, ANONYMOUS_ADMIN);
  const { createdAt } = message;
  assertEquals(message, { id: "id 1", content: "Hello", userId: "ada", createdAt });
  assertEquals(store.kept, [message]);
  const created_at = new Date(createdAt).toISOString();
  assertMatch(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(told.map(({ type, repository, data }) => ({ type, repository, data })), [{
    type: "message",
    repository: null,
    data: { id: "id 1", content: "Hello", user_id: "ada", created_at },
  }]);
});

Deno.test("Sender tells nothing of what was not kept", async () => {
  const { journal, told, sender } = setUp();
  journal.failure = new StorageError("unavailable", "The database is away");
  await assertRejects(() => sender.send(DRAFT, ANONYMOUS_ADMIN), StorageError, "away");
  assertEquals(told, []);
});

Deno.test("Sender keeps messages in the order in which they come", async () => {
  const { told, sender } = setUp();
  const contents = Array.from({ length: 50 }, (_, at) => String(at));
  await Promise.all(contents.map((content) => sender.send({ ...DRAFT, content }, ANONYMOUS_ADMIN)));
  assertEquals(told.map(({ data }) => "content" in data ? data.content : ""), contents);
});

Deno.test("Sender takes the author from the session, whatever is said", async () => {
  const { sender } = setUp();
  for (const userId of ["ada", "", "\n", undefined]) {
    const message = await sender.send({ ...DRAFT, userId }, sessionCaller(MAY_WRITE));
    assertEquals(message.userId, "octocat");
  }
});

Deno.test("Sender wants an author of whoever has not signed in", async () => {
  const { refusal, sender } = setUp();
  for (const caller of [ANONYMOUS_ADMIN, keyCaller(MAY_WRITE)]) {
    assertEquals(await refusal({ userId: undefined }, caller), [
      "bad_message",
      "Cannot do without user_id: allowed is 1 to 100 characters, none of them a control character",
    ]);
  }
  assertEquals((await sender.send(DRAFT, keyCaller(MAY_WRITE))).userId, "ada");
});

Deno.test("Sender takes nothing from who may not write", async () => {
  const { refusal } = setUp();
  for (const caller of [keyCaller(), sessionCaller()]) {
    assertEquals(await refusal({}, caller), [
      "forbidden",
      "Cannot post: it needs the permission write",
    ]);
  }
});

Deno.test("Sender counts characters, not what they take", async () => {
  const { sender } = setUp();
  for (const content of ["x", " ", "\n\t", "😀".repeat(4_000), "é".repeat(4_000), "\u202e"]) {
    assertEquals((await sender.send({ ...DRAFT, content }, ANONYMOUS_ADMIN)).content, content);
  }
  const userId = "😀".repeat(100);
  assertEquals((await sender.send({ ...DRAFT, userId }, ANONYMOUS_ADMIN)).userId, userId);
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
    const { refusal } = setUp();
    const [code, message = ""] = await refusal({ content });
    assertEquals(code, "bad_message");
    assertMatch(message, /^Cannot use content: allowed is 1 to 4,000 characters/);
  });
}

for (const userId of ["", "x".repeat(101), "a\nb", "a\u0000", "a\u0085", "\udc00"]) {
  Deno.test(`Sender refuses the user_id ${JSON.stringify(userId).slice(0, 20)}`, async () => {
    const { refusal } = setUp();
    const [code, message = ""] = await refusal({ userId });
    assertEquals(code, "bad_message");
    assertMatch(message, /^Cannot use user_id: allowed is 1 to 100 characters/);
  });
}
