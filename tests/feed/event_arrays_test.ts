import { assert, assertEquals } from "@std/assert";
import type { EncodedEvent } from "../../src/feed/encoded.ts";
import { encode } from "../../src/feed/encoded.ts";
import { EventArrays } from "../../src/feed/event_arrays.ts";
import { runEvent } from "../../src/run/event.ts";
import { aRun } from "../fakes/github.ts";

const AT = "2026-01-01T12:00:00.000Z";

/** Events of one length, each with a title of 100 characters of two bytes. */
function events(...numbers: readonly number[]): readonly EncodedEvent[] {
  const event = runEvent(aRun({ displayTitle: "ä".repeat(100) }));
  return numbers.map((seq) => encode({ ...event, seq, at: AT }));
}

function numbersIn(array: string): readonly number[] {
  return JSON.parse(array).map(({ seq }: { seq: number }) => seq);
}

Deno.test("EventArrays.of() puts all events in one array while they fit", () => {
  const all = events(1, 2, 3);
  const [array = "", ...others] = new EventArrays(64 * 1024).of(all);
  assertEquals(others, []);
  assertEquals(JSON.parse(array), all.map(({ json }) => JSON.parse(json)));
});

Deno.test("EventArrays.of() fills arrays up to the limit, in bytes and not in characters", () => {
  const all = events(1, 2, 3, 4, 5);
  const two = new TextEncoder().encode(`[${all[0]?.json},${all[1]?.json}]`).byteLength;
  const numbers = (limit: number) => [...new EventArrays(limit).of(all)].map(numbersIn);
  assertEquals(numbers(two), [[1, 2], [3, 4], [5]]);
  assertEquals(numbers(two - 1), [[1], [2], [3], [4], [5]]);
});

Deno.test("EventArrays.of() sends an event alone that is longer than an array may be", () => {
  const all = [...events(1), ...events(2), ...events(3)];
  assertEquals([...new EventArrays(10).of(all)].map(numbersIn), [[1], [2], [3]]);
  assertEquals([...new EventArrays(10).of([])], []);
});

Deno.test("EventArrays.of() encodes once for all who hear the same events", () => {
  const arrays = new EventArrays(64 * 1024);
  const [first, second, third] = events(1, 2, 3);
  assert(first && second && third);
  let encoded = 0;
  const watched: EncodedEvent = {
    ...first,
    get json() {
      encoded++;
      return first.json;
    },
  };
  const of = (...all: readonly EncodedEvent[]) => [...arrays.of(all)].flatMap(numbersIn);
  assertEquals(of(watched, second), [1, 2]);
  assertEquals(of(watched, second), [1, 2]);
  assertEquals(encoded, 1);
  // Another filter, other events.
  assertEquals(of(watched, third), [1, 3]);
  assertEquals(of(watched, second, third), [1, 2, 3]);
  assertEquals(of(watched), [1]);
});

Deno.test("EventArrays.of() encodes once for each of several who hear different events by turns", () => {
  const arrays = new EventArrays(64 * 1024);
  const [first, second, third, last] = events(1, 2, 3, 4);
  assert(first && second && third && last);
  let encoded = 0;
  const watched: EncodedEvent = {
    ...last,
    get json() {
      encoded++;
      return last.json;
    },
  };
  const kinds = [[first, second, third, watched], [second, watched], [first, watched], [watched]];
  for (let client = 0; client < 3; client++) {
    for (const kind of kinds) {
      assertEquals([...arrays.of([...kind])].map(numbersIn), [kind.map(({ seq }) => seq)]);
    }
  }
  assertEquals(encoded, kinds.length);
  // Alike by their ends and their number alone.
  assertEquals([...arrays.of([first, third, last])].map(numbersIn), [[1, 3, 4]]);
  assertEquals([...arrays.of([first, second, last])].map(numbersIn), [[1, 2, 4]]);
});
