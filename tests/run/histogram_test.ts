import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Histogram } from "../../src/run/histogram.ts";
import { PERCENTILE_ERROR } from "../../src/run/statistics.ts";

/** From zero to a year, in ms. */
const value = fc.oneof(
  fc.integer({ min: 0, max: 100 }),
  fc.integer({ min: 0, max: 86_400_000 }),
  fc.integer({ min: 0, max: 31_622_400_000 }),
);
const values = fc.array(value, { minLength: 1, maxLength: 60 });

Deno.test("Histogram.percentile() has a relative error of at most PERCENTILE_ERROR", () => {
  fc.assert(fc.property(values, fc.integer({ min: 1, max: 100 }), (list, percent) => {
    const sorted = list.toSorted((a, b) => a - b);
    const exact = sorted[Math.ceil(percent * list.length / 100) - 1] ?? NaN;
    const is = Histogram.from(list).percentile(percent / 100) ?? NaN;
    const error = Math.abs(is - exact);
    assert(error <= exact * PERCENTILE_ERROR * (1 + 1e-9), `${is} is too far from ${exact}`);
  }));
});

Deno.test("Histogram.percentile() is null without values", () => {
  assertEquals(new Histogram().percentile(0.5), null);
});

Deno.test("Histogram.addAll() equals adding all values to one histogram", () => {
  fc.assert(fc.property(values, values, (a, b) => {
    const sum = Histogram.from(a);
    sum.addAll(Histogram.from(b));
    assertEquals(String(sum), String(Histogram.from([...a, ...b])));
    assertEquals(sum.count, a.length + b.length);
  }));
});

Deno.test("Histogram.add() subtracts values", () => {
  fc.assert(fc.property(values, values, (remaining, removed) => {
    const histogram = Histogram.from([...removed, ...remaining]);
    for (const value of removed) histogram.add(value, -1);
    assertEquals(String(histogram), String(Histogram.from(remaining)));
    assertEquals(histogram.count, remaining.length);
  }));
});

Deno.test("Histogram.parse() parses and sums the results of toString()", () => {
  fc.assert(fc.property(values, values, (a, b) => {
    const texts = [a, b].map((list) => String(Histogram.from(list)));
    assertEquals(String(Histogram.parse(texts.join())), String(Histogram.from([...a, ...b])));
  }));
  assertEquals(Histogram.parse("").count, 0);
});
