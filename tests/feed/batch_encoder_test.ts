import { assert, assertEquals } from "@std/assert";
import { type EncodedEvent, encodeEvent } from "../../src/feed/event.ts";
import { BatchEncoder } from "../../src/feed/batch_encoder.ts";
import { toRunEvent } from "../../src/run/event.ts";
import { aRun } from "../fakes/stores/github.ts";

const AT = "2026-01-01T12:00:00.000Z";

/** Events of equal length, each with a title of 100 two-byte characters. */
function events(...numbers: readonly number[]): readonly EncodedEvent[] {
  const event = toRunEvent(aRun({ displayTitle: "ä".repeat(100) }));
  return numbers.map((seq) => encodeEvent({ ...event, seq, at: AT }));
}

function numbersIn(array: string): readonly number[] {
  return JSON.parse(array).map(({ seq }: { seq: number }) => seq);
}

Deno.test("BatchEncoder.encode() puts all events in one array if they fit", () => {
  const all = events(1, 2, 3);
  const [array = "", ...rest] = new BatchEncoder(64 * 1024).encode(all);
  assertEquals(rest, []);
  assertEquals(JSON.parse(array), all.map(({ json }) => JSON.parse(json)));
});

Deno.test("BatchEncoder.encode() fills arrays up to the limit in bytes, not characters", () => {
  const all = events(1, 2, 3, 4, 5);
  const two = new TextEncoder().encode(`[${all[0]?.json},${all[1]?.json}]`).byteLength;
  const numbers = (limit: number) => [...new BatchEncoder(limit).encode(all)].map(numbersIn);
  assertEquals(numbers(two), [[1, 2], [3, 4], [5]]);
  assertEquals(numbers(two - 1), [[1], [2], [3], [4], [5]]);
});

Deno.test("BatchEncoder.encode() puts an event larger than the limit in an array of its own", () => {
  const all = [...events(1), ...events(2), ...events(3)];
  assertEquals([...new BatchEncoder(10).encode(all)].map(numbersIn), [[1], [2], [3]]);
  assertEquals([...new BatchEncoder(10).encode([])], []);
});

Deno.test("BatchEncoder.encode() encodes once for clients with the same events", () => {
  const encoder = new BatchEncoder(64 * 1024);
  const [first, second, third] = events(1, 2, 3);
  assert(first && second && third);
  let encoded = 0;
  const counted: EncodedEvent = {
    ...first,
    get json() {
      encoded++;
      return first.json;
    },
  };
  const encodeNumbers = (...all: readonly EncodedEvent[]) =>
    [...encoder.encode(all)].flatMap(numbersIn);
  assertEquals(encodeNumbers(counted, second), [1, 2]);
  assertEquals(encodeNumbers(counted, second), [1, 2]);
  assertEquals(encoded, 1);
  // Another filter selects other events.
  assertEquals(encodeNumbers(counted, third), [1, 3]);
  assertEquals(encodeNumbers(counted, second, third), [1, 2, 3]);
  assertEquals(encodeNumbers(counted), [1]);
});

Deno.test("BatchEncoder.encode() caches the arrays of clients with different events", () => {
  const encoder = new BatchEncoder(64 * 1024);
  const [first, second, third, last] = events(1, 2, 3, 4);
  assert(first && second && third && last);
  let encoded = 0;
  const counted: EncodedEvent = {
    ...last,
    get json() {
      encoded++;
      return last.json;
    },
  };
  const kinds = [[first, second, third, counted], [second, counted], [first, counted], [counted]];
  for (let client = 0; client < 3; client++) {
    for (const kind of kinds) {
      assertEquals([...encoder.encode([...kind])].map(numbersIn), [kind.map(({ seq }) => seq)]);
    }
  }
  assertEquals(encoded, kinds.length);
  // These differ only in the middle.
  assertEquals([...encoder.encode([first, third, last])].map(numbersIn), [[1, 3, 4]]);
  assertEquals([...encoder.encode([first, second, last])].map(numbersIn), [[1, 2, 4]]);
});
