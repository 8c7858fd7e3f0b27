import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Principal } from "../account/principal.ts";
import { validationProblem } from "./validation_problem.ts";

/** What comes with a request beside it. */
export interface RequestEnvironment {
  /** From Deno. */
  readonly Bindings: Deno.ServeHandlerInfo;
  readonly Variables: {
    readonly requestId: string;
    /** Where others reach us, from PUBLIC_URL; `undefined` where it is not set. */
    readonly publicUrl: string | undefined;
    /** Who asks. */
    readonly principal: Principal;
  };
}

/** Routes that say themselves what they take and answer: from one definition come checks, types and /openapi.json. */
export type Api = OpenAPIHono<RequestEnvironment>;

/** An API without routes yet. What does not fit the definition of a route is answered with 400. */
export function newApi(): Api {
  return new OpenAPIHono<RequestEnvironment>({
    defaultHook: (result) => {
      if (result.success) return;
      const input = "data" in result ? result.data : undefined;
      throw validationProblem(result.error, { input, isBody: result.target === "json" });
    },
  });
}

/** Where the routes of the dashboard are: https://spec.openapis.org/oas/v3.1.1.html#server-object */
export const DATA_SERVERS = [
  { url: "/", description: "At the root" },
  { url: "/api/v1", description: "The same, versioned" },
];

/** What every route that reads data answers to `If-None-Match` when nothing has changed. */
export const NOT_MODIFIED = { 304: { description: "Nothing has changed since this `ETag`" } };

/** The parameters of a route; others are refused. */
export function paramsSchema<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, { error: () => Object.keys(shape).join(", ") || "none" });
}

/** The fields of a JSON body; others are refused. */
export function bodySchema<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: ({ code }) => code === "unrecognized_keys" ? names : `a JSON object with ${names}`,
  });
}

export interface ParamDescription {
  /** What may be given, in words that end the sentence `Cannot use name="value": allowed is …`. */
  readonly allowed: string;
  readonly description: string;
  readonly example?: unknown;
  /** How it looks in the document, where it is more than a text. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

/** A parameter whose text is understood by `read`, which gives `undefined` for what cannot be used. */
export function parsedParam<Value>(
  parse: (text: string) => Value | undefined,
  { allowed, description, example, schema = { type: "string" } }: ParamDescription,
) {
  return z.string({ error: allowed }).transform((text, context): Value => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: allowed });
    return z.NEVER;
  }).openapi({ ...schema, description, ...(example === undefined ? {} : { example }) });
}

/** A JSON answer. */
export function jsonResponse<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}
