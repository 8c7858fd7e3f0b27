import { z } from "@hono/zod-openapi";
import { anyOf, invalid, invalidValue, missingValue, unknownName } from "../error_text.ts";
import { ProblemError } from "./problem.ts";

/** How much of an invalid value an error repeats. */
const MAX_VALUE_LENGTH = 100;
/** No name has control characters, and PostgreSQL cannot store U+0000. */
const NAME = /^\P{Cc}{1,255}$/u;
const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;

/** The parameters of a route; rejects unknown ones. */
export function paramsSchema<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, { error: () => anyOf(Object.keys(shape)) || "none" });
}

/** The fields of a JSON body; rejects unknown ones. */
export function bodySchema<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === "unrecognized_keys" ? anyOf(names) : `a JSON object with ${names.join(", ")}`,
  });
}

interface Description {
  readonly description: string;
  readonly example?: unknown;
}

interface ParamDescription extends Description {
  /** A noun phrase that completes `Invalid name "value": expected …`. */
  readonly expected: string;
  /** The JSON schema in the document. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** How the document says a list is written. */
  readonly param?: { readonly style: "form"; readonly explode: boolean };
}

/** A parameter whose text `parse` converts; `parse` returns `undefined` for invalid text. */
export function parsedParam<Value>(
  parse: (text: string) => Value | undefined,
  { expected, schema = { type: "string" }, description, example, param }: ParamDescription,
) {
  return z.string({ error: expected }).transform((text, context): Value => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  }).openapi({
    ...schema,
    description,
    ...(example === undefined ? {} : { example }),
    ...(param === undefined ? {} : { param }),
  });
}

export function enumParam<const Choice extends string>(
  choices: readonly Choice[],
  description: Description,
) {
  return parsedParam((text) => choices.find((each) => each === text), {
    expected: anyOf(choices),
    schema: { type: "string", enum: choices },
    ...description,
  });
}

/** A comma-separated list of choices. */
export function listParam<const Choice extends string>(
  choices: readonly Choice[],
  description: Description,
) {
  const isChoice = (text: string): text is Choice => choices.some((each) => each === text);
  const parse = (text: string): ReadonlySet<Choice> | undefined => {
    const items = text.split(",");
    return items.every(isChoice) ? new Set(items) : undefined;
  };
  return parsedParam(parse, {
    expected: `a comma-separated list of ${anyOf(choices)}`,
    schema: { type: "array", items: { type: "string", enum: choices } },
    param: { style: "form", explode: false },
    ...description,
  });
}

export function integerParam(
  { min, max, ...description }: { readonly min: number; readonly max: number } & Description,
) {
  const parse = (text: string) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    return number >= min && number <= max ? number : undefined;
  };
  return parsedParam(parse, {
    expected: `an integer from ${min} to ${max}`,
    schema: { type: "integer", minimum: min, maximum: max },
    ...description,
  });
}

export function idParam(description: Description) {
  return integerParam({ min: 1, max: Number.MAX_SAFE_INTEGER, ...description });
}

/** A name as GitHub allows it. */
export function nameParam(description: Description) {
  return parsedParam((text) => NAME.test(text) ? text : undefined, {
    expected: "1 to 255 characters without control characters",
    schema: { type: "string", minLength: 1, maxLength: 255 },
    ...description,
  });
}

export function repositoryNameParam(description: Description) {
  return parsedParam((text) => REPOSITORY.test(text) ? text : undefined, {
    expected: "owner/name",
    schema: { type: "string", pattern: REPOSITORY.source },
    example: "octo/app",
    ...description,
  });
}

export function withDefault<Schema extends z.ZodType>(
  schema: Schema,
  value: z.util.NoUndefined<z.output<Schema>>,
) {
  return schema.default(value).openapi({ default: value });
}

/**
 * Reads parameters where no route definition validates them. `values` has every value of each parameter.
 * @throws {ProblemError} `invalid_parameter`
 */
export function parseParams<Schema extends z.ZodType>(
  schema: Schema,
  values: Readonly<Record<string, readonly string[]>>,
): z.output<Schema> {
  const input = Object.fromEntries(
    Object.entries(values).map(([name, [value, ...more]]) => [
      name,
      more.length === 0 ? value : [value, ...more],
    ]),
  );
  const { data, error } = schema.safeParse(input);
  if (error) throw validationProblem(error, { input, isBody: false });
  return data;
}

interface ValidationInput {
  readonly input: unknown;
  readonly isBody: boolean;
}

/** The first problem with the parameters or the body of a request. */
export function validationProblem(
  { issues: [issue] }: z.ZodError,
  { input, isBody }: ValidationInput,
): ProblemError {
  const code = isBody ? "invalid_body" : "invalid_parameter";
  if (!issue) return new ProblemError(code, "Invalid request");
  const { message: expected, path } = issue;
  if (issue.code === "unrecognized_keys") {
    const kind = isBody ? "field" : "parameter";
    return new ProblemError(code, unknownName(kind, truncate(issue.keys[0] ?? ""), expected));
  }
  const name = path.join(".");
  if (name === "") return new ProblemError(code, invalid("body", expected));
  const value = getPath(input, path);
  if (value === undefined) return new ProblemError(code, missingValue(name, expected));
  return new ProblemError(code, invalidValue(name, formatValue(value), expected));
}

function getPath(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => typeof value === "object" && value !== null ? Reflect.get(value, key) : value,
    input,
  );
}

/** The value as the client sent it, truncated. */
function formatValue(value: unknown): string {
  if (typeof value === "string") return truncate(value);
  return truncate(isStringArray(value) ? value.join(",") : JSON.stringify(value));
}

function truncate(text: string): string {
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text;
}

/** Whether the value is a parameter that was given several times. */
function isStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
