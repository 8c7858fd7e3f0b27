import { assertEquals, assertRejects } from "@std/assert";
import { StorageError } from "../../../src/errors.ts";
import { GroupCommit } from "../../../src/sql/engine/group_commit.ts";
import { openTestDatabase } from "../../fakes/database.ts";

/** Writes numbers: negative ones fail. Notes the groups, and waits before each is written. */
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

Deno.test("GroupWriter writes what comes at once in one group, each with its outcome", async () => {
  const numbers = new NumberWriter();
  assertEquals(await Promise.all([3, 1, 2].map((each) => numbers.writer.add(each))), [
    "3",
    "1",
    "2",
  ]);
  assertEquals(numbers.groups, [[3, 1, 2]]);
});

Deno.test("GroupWriter puts what comes during a transaction into the next one", async () => {
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

Deno.test("GroupWriter lets what is ready in the same turn of the event loop come along", async () => {
  const numbers = new NumberWriter();
  const first = numbers.writer.add(1);
  for (let tick = 0; tick < 100; tick++) await Promise.resolve();
  assertEquals(await Promise.all([first, numbers.writer.add(2)]), ["1", "2"]);
  assertEquals(numbers.groups, [[1, 2]]);
});

Deno.test("GroupWriter fails one item and not its neighbours", async () => {
  const numbers = new NumberWriter();
  const outcomes = await Promise.allSettled([1, -2, 3].map((each) => numbers.writer.add(each)));
  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assertEquals(numbers.groups, [[1, -2, 3], [1], [-2], [3]]);
  assertEquals(await numbers.writer.add(4), "4");
});

Deno.test("GroupWriter fails a whole group when the storage is away, without another try", async () => {
  const numbers = new NumberWriter();
  numbers.fault = new StorageError("full", "No room");
  const outcomes = await Promise.allSettled([1, -2].map((each) => numbers.writer.add(each)));
  assertEquals(outcomes.map(({ status }) => status), ["rejected", "rejected"]);
  assertEquals(numbers.groups, [[1, -2]]);
});

Deno.test("GroupWriter bounds a group by number and by size", async () => {
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

Deno.test("GroupWriter refuses what would wait behind too much, and recovers", async () => {
  const numbers = new NumberWriter();
  const waiting = upTo(10_000).map((each) => numbers.writer.add(each));
  const refusal = await assertRejects(() => numbers.writer.add(1), StorageError);
  assertEquals(refusal.kind, "unavailable");
  await Promise.all(waiting);
  numbers.size = 100 * 1024 * 1024;
  const large = [1, 2].map((each) => numbers.writer.add(each));
  await assertRejects(() => numbers.writer.add(3), StorageError);
  await Promise.all(large);
  assertEquals(await numbers.writer.add(3), "3");
});

Deno.test("GroupWriter over a database keeps the neighbours of what breaks a rule", async () => {
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
  // The row 1 is there already.
  const outcomes = await Promise.allSettled([2, 1, 3].map((each) => writer.add(each)));
  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  const rows = await database.read((db) =>
    db.selectFrom("event_counter").select("id").orderBy("id").execute()
  );
  assertEquals(rows.map(({ id }) => id), [1, 2, 3]);
});
