import type { z } from "@hono/zod-openapi";
import { parsedParam } from "./api.ts";

/** Control characters are in no name, and PostgreSQL has no place for one of them. */
const NAME = /^\P{Cc}{1,255}$/u;
const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;

interface DescriptionOptions {
  readonly description: string;
  readonly example?: unknown;
}

/** One of these words. */
export function enumParam<const Choice extends string>(
  allowed: readonly Choice[],
  description: DescriptionOptions,
) {
  return parsedParam((text) => allowed.find((each) => each === text), {
    allowed: allowed.join(", "),
    schema: { type: "string", enum: allowed },
    ...description,
  });
}

export function integerParam(
  { min, max, ...description }: { readonly min: number; readonly max: number } & DescriptionOptions,
) {
  const parse = (text: string) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    return number >= min && number <= max ? number : undefined;
  };
  return parsedParam(parse, {
    allowed: `a whole number from ${min} to ${max}`,
    schema: { type: "integer", minimum: min, maximum: max },
    ...description,
  });
}

/** GitHub's number of something. */
export function idParam(description: DescriptionOptions) {
  return integerParam({ min: 1, max: Number.MAX_SAFE_INTEGER, ...description });
}

/** A name as GitHub has it. */
export function nameParam(description: DescriptionOptions) {
  return parsedParam((text) => NAME.test(text) ? text : undefined, {
    allowed: "1 to 255 characters, none of them a control character",
    schema: { type: "string", minLength: 1, maxLength: 255 },
    ...description,
  });
}

export function repositoryNameParam(description: DescriptionOptions) {
  return parsedParam((text) => REPOSITORY.test(text) ? text : undefined, {
    allowed: "owner/name",
    schema: { type: "string", pattern: REPOSITORY.source },
    example: "octo/app",
    ...description,
  });
}

/** A parameter that has this value where it is not given. */
export function withDefault<Schema extends z.ZodType>(
  schema: Schema,
  value: z.util.NoUndefined<z.output<Schema>>,
) {
  return schema.default(value).openapi({ default: value });
}
