import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { notFound } from "../error_text.ts";
import { type ProblemKind, PROBLEMS } from "./problem_codes.ts";

type Problems = typeof PROBLEMS;

export type ProblemCode = keyof Problems;

/** The codes whose sentence is always the same. */
type FixedProblemCode = {
  [Code in ProblemCode]: Problems[Code] extends { readonly detail: string } ? Code : never;
}[ProblemCode];

/** Ends a request with a problem, which the error handler sends. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly code: ProblemCode,
    detail: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }
}

/** The problem of this code, with the sentence of the table. */
export function toProblemError(
  code: FixedProblemCode,
  headers: Readonly<Record<string, string>> = {},
): ProblemError {
  return new ProblemError(code, PROBLEMS[code].detail, headers);
}

/** `Run 7 not found` */
export function notFoundProblem(kind: string, id: string | number): ProblemError {
  return new ProblemError("not_found", notFound(kind, id));
}

export function problemStatus(code: ProblemCode): ContentfulStatusCode {
  return PROBLEMS[code].status;
}

export function problemTitle(code: ProblemCode): string {
  return PROBLEMS[code].title;
}

/** Sends a problem as RFC 9457 defines it: `{"title","status","detail","code"}`. */
export function problemResponse(
  context: Context,
  code: ProblemCode,
  { detail, headers = {} }: { detail: string; headers?: Readonly<Record<string, string>> },
): Response {
  const { status, title } = PROBLEMS[code];
  return context.body(JSON.stringify({ title, status, detail, code }), status, {
    "Content-Type": "application/problem+json",
    ...headers,
  });
}

const ProblemSchema = z.object({
  title: z.string(),
  status: z.int(),
  detail: z.string().openapi({ description: "Human-readable explanation" }),
  code: z.string(),
}).openapi("Problem", { description: "An error as RFC 9457 defines it; `code` is stable" });

/** The problems of every route that requires authentication. */
export const AUTH_PROBLEMS: readonly ProblemCode[] = [
  "unauthenticated",
  "forbidden",
  "origin_not_allowed",
  "rate_limited",
  "internal",
  "storage_unavailable",
  // Visibility and access of a caller may require requests to GitHub.
  "github_rate_limited",
  "github_unavailable",
];

/** The problems of every route that reads data. */
export const READ_PROBLEMS: readonly ProblemCode[] = [...AUTH_PROBLEMS, "invalid_parameter"];

/** The problems of every route that accepts a JSON body. */
export const WRITE_PROBLEMS: readonly ProblemCode[] = [
  ...READ_PROBLEMS,
  "invalid_body",
  "request_timeout",
  "payload_too_large",
  "unsupported_media_type",
  "overloaded",
  "storage_full",
];

/**
 * The error responses of a route, to be spread into its `responses`. They are untyped: handlers throw a ProblemError and
 * never return one.
 */
export function openApiProblems(...codes: readonly ProblemCode[]): object {
  return toResponses(codes, {});
}

/** The error responses of a route that sends browsers a page. */
export function openApiProblemsOrPage(...codes: readonly ProblemCode[]): object {
  return toResponses(codes, { "text/html": { schema: { type: "string" } } });
}

/** The `default` response of a route without a 2XX response, which tools expect. Untyped like the other errors. */
export const DEFAULT_PROBLEM: object = {
  default: {
    description: "Any other problem",
    content: { "application/problem+json": { schema: ProblemSchema } },
  },
};

function toResponses(codes: readonly ProblemCode[], otherContent: object): object {
  const byStatus = Map.groupBy(codes, problemStatus);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [status, {
      description: codes.map((code) => `\`${code}\``).join(" or "),
      content: { "application/problem+json": { schema: toProblemSchema(codes) }, ...otherContent },
    }]),
  );
}

function toProblemSchema(codes: readonly ProblemCode[]): z.ZodType {
  const [code] = codes;
  if (code === undefined) return ProblemSchema;
  const { status, title, detail, example = detail }: ProblemKind = PROBLEMS[code];
  return ProblemSchema.extend({ code: z.enum(codes) }).openapi({
    example: { title, status, detail: example, code },
  });
}
