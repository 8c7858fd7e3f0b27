import { VARIABLE_NAMES } from "../variables.ts";

/** The variables that we read, and no others: the program is allowed no more. */
export function environment(): Record<string, string | undefined> {
  return Object.fromEntries(VARIABLE_NAMES.map((name) => [name, Deno.env.get(name)]));
}
