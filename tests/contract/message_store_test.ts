import { assert, assertEquals } from "@std/assert";
import type { NewMessage } from "../../src/message/message.ts";
import { SqlEventLog } from "../../src/sql/event_log.ts";
import { SqlMessageStore } from "../../src/sql/message.ts";
import type { MessageTable } from "../../src/sql/tables.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = Date.UTC(2026, 0, 1);

/** Returns message number `at`. */
function aMessage(at: number): NewMessage {
  return {
    id: `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`,
    content: `${at}`,
    userId: "ada",
  };
}

function aRow(at: number): Omit<MessageTable, "created_ms"> {
  const { id, content, userId: user_id } = aMessage(at);
  return { seq: at, id, content, user_id };
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

testOverDatabases("MessageStore.insert() stores a message with its event", async (
  { database },
) => {
  const clock = new ManualClock(NOW);
  const store = new SqlMessageStore(database, clock);
  const draft = { ...aMessage(1), content: "Line one\n\tΩ 😀 \u202e \"'\\ %_", userId: "Åda 😀" };
  const { message, events } = await store.insert(draft);
  assertEquals(message, { ...draft, createdAt: NOW });
  const { id, content, userId: user_id } = draft;
  const created_at = "2026-01-01T00:00:00.000Z";
  assertEquals(events, [{
    seq: 1,
    at: created_at,
    type: "message",
    repository: null,
    data: { id, content, user_id, created_at },
  }]);
  assertEquals(await new SqlEventLog(database, clock).readAfter(0, 10), events);
  assertEquals(await store.list({ limit: 10 }), { messages: [message], hasMore: false });
});

testOverDatabases("MessageStore.insert() stores neither message nor event if it fails", async (
  { database },
) => {
  const clock = new ManualClock(NOW);
  const store = new SqlMessageStore(database, clock);
  await store.insert(aMessage(1));
  const again = await store.insert(aMessage(1)).catch((error) => error);
  assert(again instanceof Error);
  assertEquals((await store.list({ limit: 10 }))?.messages.length, 1);
  assertEquals(await new SqlEventLog(database, clock).seqRange(), { first: 1, last: 1 });
});

testOverDatabases("MessageStore.insert() numbers messages in the order of the calls", async (
  { database },
) => {
  const store = new SqlMessageStore(database, new ManualClock(NOW));
  const stored = await Promise.all(upTo(300).map((at) => store.insert(aMessage(at))));
  assertEquals(stored.flatMap(({ events }) => events.map(({ seq }) => seq)), upTo(300));
  assertEquals(stored.map(({ message }) => message.content), upTo(300).map(String));
  const page = await store.list({ limit: 300 });
  assertEquals(page?.messages.map(({ content }) => Number(content)), upTo(300).reverse());
});

testOverDatabases("MessageStore.list() pages back consistently while messages are inserted", async (
  { database, connectAgain },
) => {
  const clock = new ManualClock(NOW);
  const stores = [
    new SqlMessageStore(database, clock),
    new SqlMessageStore(await connectAgain(), clock),
  ] as const;
  let said = 0;
  const addMessage = async () => {
    said++;
    await stores[said % 2]?.insert(aMessage(said));
    // Other events use numbers, too.
    const status = { state: "idle", waiting_until: null } as const;
    await new SqlEventLog(database, clock).append([{
      type: "status",
      repository: null,
      data: status,
    }]);
  };
  while (said < 10) await addMessage();
  const received: number[] = [];
  let before: string | undefined;
  for (;;) {
    const page = await stores[0].list({ before, limit: 3 });
    assert(page);
    received.push(...page.messages.map(({ content }) => Number(content)));
    before = page.messages.at(-1)?.id;
    await addMessage();
    if (!page.hasMore) break;
    assertEquals(page.messages.length, 3);
  }
  assertEquals(received, upTo(10).reverse());
  assertEquals(await stores[0].list({ before, limit: 3 }), { messages: [], hasMore: false });
});

testOverDatabases(
  "MessageStore.list() returns undefined for an unknown message",
  async ({ database }) => {
    const store = new SqlMessageStore(database, new ManualClock(NOW));
    assertEquals(await store.list({ limit: 5 }), { messages: [], hasMore: false });
    await store.insert(aMessage(1));
    assertEquals(await store.list({ before: aMessage(2).id, limit: 5 }), undefined);
  },
);

testOverDatabases("MessageStore.prune() deletes old messages, and all but the newest", async (
  { database },
) => {
  const clock = new ManualClock(NOW);
  const store = new SqlMessageStore(database, clock);
  const stored = async () => {
    const page = await store.list({ limit: 10 });
    return page?.messages.map(({ content }) => Number(content)).reverse();
  };
  for (const at of upTo(6)) {
    clock.time = NOW + at;
    await store.insert(aMessage(at));
  }
  assertEquals(await store.prune({ before: NOW, count: 6 }), 0);
  assertEquals(await store.prune({ before: NOW + 2, count: 6 }), 1);
  assertEquals(await stored(), [2, 3, 4, 5, 6]);
  assertEquals(await store.prune({ before: NOW, count: 3 }), 2);
  assertEquals(await stored(), [4, 5, 6]);
  assertEquals(await store.list({ before: aMessage(2).id, limit: 5 }), undefined);
  assertEquals(await store.prune({ before: NOW + 100, count: 3 }), 3);
  assertEquals(await stored(), []);
});

testOverDatabases("MessageStore.prune() deletes more messages than one batch", async (
  { database },
) => {
  const store = new SqlMessageStore(database, new ManualClock(NOW));
  await Promise.all(upTo(2_300).map((at) => store.insert(aMessage(at))));
  assertEquals(await store.prune({ before: 0, count: 100 }), 2_200);
  assertEquals((await store.list({ limit: 1_000 }))?.messages.length, 100);
});

testOverDatabases("MessageStore.prune() deletes no message inserted in the meantime", async (
  { database },
) => {
  const clock = new ManualClock(NOW);
  // Inserted after the check for old messages and before the first deletion.
  let stored = false;
  const busy = database.checked(async (tx) => {
    if (!stored) await tx.insertInto("messages").values({ ...aRow(1), created_ms: NOW }).execute();
    stored = true;
  });
  assertEquals(await new SqlMessageStore(busy, clock).prune({ before: NOW, count: 6 }), 0);
  const page = await new SqlMessageStore(database, clock).list({ limit: 10 });
  assertEquals(page?.messages.map(({ content }) => content), ["1"]);
});
