import { ProblemError } from "./problem.ts";

/** What a request came with: of each parameter its value. */
export type QueryParams = Readonly<Record<string, string | undefined>>;

/** A parameter that cannot be used. The message names it and what is allowed; it is answered with 400. */
export class ParameterError extends ProblemError {
  override readonly name = "ParameterError";

  constructor({ name, value, allowed }: { name: string; value: string; allowed: string }) {
    super("invalid_parameter", `Cannot use ${name}="${value}": allowed is ${allowed}`);
  }
}

/** @throws {ParameterError} when there is a parameter that is not among `names` */
export function rejectUnknownParams(parameters: QueryParams, names: readonly string[]): void {
  const unknown = Object.keys(parameters).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new ParameterError({ name: "parameter", value: unknown, allowed: names.join(", ") });
}

/** @throws {ParameterError} when `value` is not among `allowed` */
export function parseChoice<const Choice extends string>(
  { name, value, allowed }: { name: string; value: string; allowed: readonly Choice[] },
): Choice {
  const choice = allowed.find((each) => each === value);
  if (choice !== undefined) return choice;
  throw new ParameterError({ name, value, allowed: allowed.join(", ") });
}

/**
 * The values of a comma-separated list.
 * @throws {ParameterError} when one is not among `allowed`
 */
export function parseList<const Choice extends string>(
  { name, value, allowed }: { name: string; value: string; allowed: readonly Choice[] },
): ReadonlySet<Choice> {
  return new Set(value.split(",").map((each) => parseChoice({ name, value: each, allowed })));
}

/** @throws {ParameterError} when `value` is no number that an event can have */
export function parseSeq(name: string, value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new ParameterError({ name, value, allowed: "the number of an event, 0 or more" });
}

/** @throws {ParameterError} when `value` is not `owner/name` */
export function parseRepositoryName(name: string, value: string): string {
  if (/^[\w.-]+\/[\w.-]+$/.test(value)) return value;
  throw new ParameterError({ name, value, allowed: "owner/name" });
}
