import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MemoryRunStore } from "../fakes/stores/memory_stores.ts";
import { compareStates, merge, type Run } from "../../src/run/run.ts";
import { aRun } from "../fakes/stores/github.ts";

/** States of one run, often equal in some of the compared fields, like GitHub's. */
const state: fc.Arbitrary<Run> = fc.record({
  status: fc.constantFrom("queued", "waiting", "in_progress", "completed", "future_value", null),
  conclusion: fc.constantFrom("success", "failure", null),
  runAttempt: fc.integer({ min: 1, max: 3 }),
  updatedAt: fc.constantFrom(
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00+01:00",
    "2026-01-01T00:00:01Z",
    "2026-01-01T00:00:02Z",
  ),
  displayTitle: fc.constantFrom("One", "Another"),
  source: fc.constantFrom("poll", "webhook"),
}).map((fields) => aRun(fields));

const updates = fc.array(state, { minLength: 1, maxLength: 8 });
const shuffledTwice = updates.chain((list) =>
  fc.tuple(
    fc.shuffledSubarray(list, { minLength: list.length }),
    fc.shuffledSubarray(list, { minLength: list.length }),
  )
);

Deno.test("merge() is independent of the order of the updates", () => {
  fc.assert(fc.property(shuffledTwice, ([one, other]) => {
    assertEquals(one.reduce(merge), other.reduce(merge));
  }));
});

Deno.test("merge() ignores repeated updates", () => {
  fc.assert(fc.property(updates, (list) => {
    assertEquals([...list, ...list].reduce(merge), list.reduce(merge));
  }));
});

Deno.test("merge() never moves a run backwards for an observer", async () => {
  await fc.assert(fc.asyncProperty(updates, async (list) => {
    const store = new MemoryRunStore();
    let previous: Run | undefined;
    for (const update of list) {
      const changed = await store.put([update]);
      const [stored] = await store.latest(update.repository, 1);
      assert(stored);
      if (previous) {
        assert(stored.runAttempt >= previous.runAttempt, "an earlier attempt");
        if (stored.runAttempt === previous.runAttempt) {
          assert(
            Date.parse(stored.updatedAt) >= Date.parse(previous.updatedAt),
            "an earlier update",
          );
          const isTie = Date.parse(stored.updatedAt) === Date.parse(previous.updatedAt);
          if (isTie && previous.status === "completed") assertEquals(stored.status, "completed");
        }
      }
      if (changed.length === 0) assertEquals(withoutSource(stored), withoutSource(previous));
      previous = stored;
    }
  }));
});

Deno.test("merge() prefers the higher attempt, even if it was updated earlier", () => {
  const first = aRun({ status: "completed", updatedAt: "2026-01-01T00:09:00Z" });
  const second = aRun({ runAttempt: 2, updatedAt: "2026-01-01T00:08:00Z" });
  assertEquals(merge(first, second), second);
  assertEquals(merge(second, first), second);
});

Deno.test("merge() prefers the later update, even from completed back to queued", () => {
  const done = aRun({ status: "completed" });
  const reopened = aRun({ status: "queued", updatedAt: "2026-01-01T00:00:01Z" });
  assertEquals(merge(done, reopened), reopened);
  assertEquals(merge(reopened, done), reopened);
});

Deno.test("merge() prefers completed on a tie, even from a poll over a webhook", () => {
  const done = aRun({ status: "completed", source: "poll" });
  const running = aRun({ status: "in_progress", source: "webhook" });
  assertEquals(merge(done, running), done);
  assertEquals(merge(running, done), done);
});

Deno.test("merge() otherwise prefers webhook over poll", () => {
  const events = aRun({ status: "queued", source: "webhook" });
  const polled = aRun({ status: "in_progress", source: "poll" });
  assertEquals(merge(events, polled), events);
  assertEquals(merge(polled, events), events);
});

Deno.test("merge() prefers a started run over a waiting one on a full tie", () => {
  const queued = aRun({ status: "queued" });
  const running = aRun({ status: "in_progress" });
  assertEquals(merge(queued, running), running);
  assertEquals(merge(running, queued), running);
});

Deno.test("compareStates() is 0 only for equal states", () => {
  fc.assert(fc.property(state, state, (a, b) => {
    const same = JSON.stringify(a) === JSON.stringify(b);
    assertEquals(compareStates(a, b) === 0, same);
    assertEquals(Math.sign(compareStates(a, b)) + Math.sign(compareStates(b, a)), 0);
  }));
});

function withoutSource(run: Run | undefined): unknown {
  return run && { ...run, source: undefined };
}
