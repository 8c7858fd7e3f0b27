import type { z } from "@hono/zod-openapi";
import { parameter } from "./api.ts";

/** Control characters are in no name, and PostgreSQL has no place for one of them. */
const TEXT = /^\P{Cc}{1,255}$/u;
const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;

interface Description {
  readonly description: string;
  readonly example?: unknown;
}

/** One of these words. */
export function choice<const Choice extends string>(
  allowed: readonly Choice[],
  description: Description,
) {
  return parameter((text) => allowed.find((each) => each === text), {
    allowed: allowed.join(", "),
    schema: { type: "string", enum: allowed },
    ...description,
  });
}

export function wholeNumber(
  { min, max, ...description }: { readonly min: number; readonly max: number } & Description,
) {
  const read = (text: string) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    return number >= min && number <= max ? number : undefined;
  };
  return parameter(read, {
    allowed: `a whole number from ${min} to ${max}`,
    schema: { type: "integer", minimum: min, maximum: max },
    ...description,
  });
}

/** GitHub's number of something. */
export function id(description: Description) {
  return wholeNumber({ min: 1, max: Number.MAX_SAFE_INTEGER, ...description });
}

/** A name as GitHub has it. */
export function name(description: Description) {
  return parameter((text) => TEXT.test(text) ? text : undefined, {
    allowed: "1 to 255 characters, none of them a control character",
    schema: { type: "string", minLength: 1, maxLength: 255 },
    ...description,
  });
}

export function repositoryName(description: Description) {
  return parameter((text) => REPOSITORY.test(text) ? text : undefined, {
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
