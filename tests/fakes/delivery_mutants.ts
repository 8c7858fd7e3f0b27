import { between, pick } from "../../src/simulator/random.ts";
import type { Example } from "./delivery_examples.ts";

/** What a mutation does to a payload. */
export const MUTATIONS = ["drop", "retype", "truncate", "deepen"] as const;

/** The text of a payload that went wrong, always the same for the same `random`. */
export function mutant(
  { payload }: Example,
  mutation: typeof MUTATIONS[number],
  random: () => number,
): string {
  if (mutation === "truncate") {
    const text = JSON.stringify(payload);
    return text.slice(0, between(random, [0, text.length - 1]));
  }
  const copy = structuredClone(payload);
  let text = "";
  for (let count = between(random, [1, 3]); count > 0 && Object.keys(copy).length > 0; count--) {
    const { parent, key } = place(copy, random);
    if (mutation === "drop") Reflect.deleteProperty(parent, key);
    else if (mutation === "retype") {
      Reflect.set(parent, key, structuredClone(pick(random, ODD_VALUES)));
    } else {
      // As text, for what is so deep cannot be written by JSON.stringify.
      Reflect.set(parent, key, DEEP);
      text = pick(random, DEEP_TEXTS)(pick(random, [10, 100, 1_000, 10_000]));
    }
  }
  return JSON.stringify(copy).replaceAll(`"${DEEP}"`, text);
}

const DEEP = "stands for what is deep";
const DEEP_TEXTS: readonly ((depth: number) => string)[] = [
  (depth) => "[".repeat(depth) + "]".repeat(depth),
  (depth) => '{"a":'.repeat(depth) + "1" + "}".repeat(depth),
  (depth) => '{"id":1,"repository":'.repeat(depth) + "null" + "}".repeat(depth),
];

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  "",
  "0",
  "\u0000",
  "\ud800",
  "x".repeat(10_000),
  "9999-12-31T23:59:59Z",
  "-1",
  0,
  -1,
  1.5,
  2 ** 53,
  1e300,
  [],
  [null],
  {},
  { id: {} },
  { __proto__: null, constructor: 1, toString: 1 },
];

/** Any object or array of a payload that is not empty, and one of its keys; those near the top are likelier. */
function place(
  value: object,
  random: () => number,
): { readonly parent: object; readonly key: string } {
  let parent = value;
  for (;;) {
    const key = pick(random, Object.keys(parent));
    const child: unknown = Reflect.get(parent, key);
    const isInner = typeof child === "object" && child !== null && Object.keys(child).length > 0;
    if (!isInner || random() < 0.3) return { parent, key };
    parent = child;
  }
}
