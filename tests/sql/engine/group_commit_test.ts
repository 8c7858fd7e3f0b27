import { assertEquals, assertRejects } from "@std/assert";
import { StorageError } from "../../../src/errors.ts";
import { GroupCommit } from "../../../src/sql/engine/group_commit.ts";
import { openTestDatabase } from "../../fakes/database.ts";

/** Writes numbers and fails for negative ones. Records the groups, and waits before it writes each. */
class NumberWriter {
  readonly groups: (readonly number[])[] = [];
  readonly writer = new GroupCommit<number, string>({
    write: (group) => this.#write(group),
    sizeOf: () => this.size,
  });
  size = 1;
  fault = new Error("Negative");
  before = Promise.resolve();
  readonly started = Promise.withResolvers<void>();

  async #write(group: readonly number[]): Promise<readonly string[]> {
    this.groups.push(group);
    this.started.resolve();
    await this.before;
    if (group.some((each) => each < 0)) throw this.fault;
    return group.map(String);
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

Deno.test("GroupCommit writes concurrent items in one group, each with its outcome", async () => {
  const numbers = new NumberWriter();
  assertEquals(await Promise.all([3, 1, 2].map((each) => numbers.writer.add(each))), [
    "3",
    "1",
    "2",
  ]);
  assertEquals(numbers.groups, [[3, 1, 2]]);
});

Deno.test("GroupCommit puts items that arrive during a transaction into the next one", async () => {
  const numbers = new NumberWriter();
  const gate = Promise.withResolvers<void>();
  numbers.before = gate.promise;
  const first = numbers.writer.add(1);
  await numbers.started.promise;
  const others = [2, 3].map((each) => numbers.writer.add(each));
  gate.resolve();
  assertEquals(await Promise.all([first, ...others]), ["1", "2", "3"]);
  assertEquals(numbers.groups, [[1], [2, 3]]);
  assertEquals(await numbers.writer.add(4), "4");
});

Deno.test("GroupCommit includes items added in the same turn of the event loop", async () => {
  const numbers = new NumberWriter();
  const first = numbers.writer.add(1);
  for (let tick = 0; tick < 100; tick++) await Promise.resolve();
  assertEquals(await Promise.all([first, numbers.writer.add(2)]), ["1", "2"]);
  assertEquals(numbers.groups, [[1, 2]]);
});

Deno.test("GroupCommit fails one item without the others", async () => {
  const numbers = new NumberWriter();
  const outcomes = await Promise.allSettled([1, -2, 3].map((each) => numbers.writer.add(each)));
  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assertEquals(numbers.groups, [[1, -2, 3], [1], [-2], [3]]);
  assertEquals(await numbers.writer.add(4), "4");
});

Deno.test("GroupCommit fails a whole group without a retry if the storage is unavailable", async () => {
  const numbers = new NumberWriter();
  numbers.fault = new StorageError("full", "No room");
  const outcomes = await Promise.allSettled([1, -2].map((each) => numbers.writer.add(each)));
  assertEquals(outcomes.map(({ status }) => status), ["rejected", "rejected"]);
  assertEquals(numbers.groups, [[1, -2]]);
});

Deno.test("GroupCommit limits a group by number and size", async () => {
  const numbers = new NumberWriter();
  await Promise.all(upTo(300).map((each) => numbers.writer.add(each)));
  assertEquals(numbers.groups.map(({ length }) => length), [128, 128, 44]);
  numbers.groups.length = 0;
  numbers.size = 7 * 1024 * 1024;
  await Promise.all(upTo(5).map((each) => numbers.writer.add(each)));
  numbers.size = 30 * 1024 * 1024;
  await numbers.writer.add(9);
  assertEquals(numbers.groups.map(({ length }) => length), [2, 2, 1, 1]);
});

Deno.test("GroupCommit rejects items when the queue is full, and recovers", async () => {
  const numbers = new NumberWriter();
  const waiting = upTo(10_000).map((each) => numbers.writer.add(each));
  const error = await assertRejects(() => numbers.writer.add(1), StorageError);
  assertEquals(error.kind, "unavailable");
  await Promise.all(waiting);
  numbers.size = 100 * 1024 * 1024;
  const large = [1, 2].map((each) => numbers.writer.add(each));
  await assertRejects(() => numbers.writer.add(3), StorageError);
  await Promise.all(large);
  assertEquals(await numbers.writer.add(3), "3");
});

Deno.test("GroupCommit over a database writes the other items of a group with a constraint violation", async () => {
  await using opened = await openTestDatabase("sqlite");
  const { database } = opened;
  const writer = new GroupCommit<number, number>({
    write: (group) =>
      database.write(async (tx) => {
        for (const id of group) {
          await tx.insertInto("event_counter").values({ id, last_seq: 0 }).execute();
        }
        return group;
      }),
    sizeOf: () => 1,
  });
  // Row 1 exists already.
  const outcomes = await Promise.allSettled([2, 1, 3].map((each) => writer.add(each)));
  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  const rows = await database.read((db) =>
    db.selectFrom("event_counter").select("id").orderBy("id").execute()
  );
  assertEquals(rows.map(({ id }) => id), [1, 2, 3]);
});
