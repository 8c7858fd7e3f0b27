import { z } from "@hono/zod-openapi";
import { type ProblemCode, problemStatus, problemTitle } from "./problem.ts";

const ProblemSchema = z.object({
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
}).openapi("Problem", { description: "What is wrong, as RFC 9457 has it; `code` is stable" });

/** The problems of every route that is for those alone who may. */
export const AUTH_PROBLEMS: readonly ProblemCode[] = [
  "unauthenticated",
  "forbidden",
  "origin_not_allowed",
  "rate_limited",
  "internal",
  "storage_unavailable",
  // What its caller may see, and whether he may stay, GitHub may have to be asked.
  "github_rate_limited",
  "github_unavailable",
];

/** The problems of every route that reads data. */
export const READ_PROBLEMS: readonly ProblemCode[] = [...AUTH_PROBLEMS, "invalid_parameter"];

/** The problems of every route that takes a JSON body. */
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
 * The answers of a route that say what is wrong, to be spread into its `responses`. They have no type: a handler throws a
 * ProblemError, and never returns one.
 */
export function openApiProblems(...codes: readonly ProblemCode[]): object {
  return toResponses(codes, {});
}

/** The same for a route that persons see the answers of, too. */
export function openApiProblemsOrPage(...codes: readonly ProblemCode[]): object {
  return toResponses(codes, { "text/html": { schema: { type: "string" } } });
}

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
  const example = {
    title: problemTitle(code),
    status: problemStatus(code),
    detail: "Cannot …",
    code,
  };
  return ProblemSchema.extend({ code: z.enum(codes) }).openapi({ example });
}
