import type { z } from "@hono/zod-openapi";
import { ProblemError } from "./problem.ts";

/** How much of a wrong value is told back. */
const MAX_VALUE_LENGTH = 100;

interface ValidationInput {
  readonly input: unknown;
  readonly isBody: boolean;
}

/** What is wrong with what a request came with: the first thing. */
export function validationProblem(
  { issues: [issue] }: z.ZodError,
  { input, isBody }: ValidationInput,
): ProblemError {
  const code = isBody ? "invalid_body" : "invalid_parameter";
  if (!issue) return new ProblemError(code, "Cannot use the request");
  const allowed = `allowed is ${issue.message}`;
  if (issue.code === "unrecognized_keys") {
    const kind = isBody ? "field" : "parameter";
    return new ProblemError(code, `Cannot use ${kind}="${issue.keys[0]}": ${allowed}`);
  }
  const name = issue.path.join(".");
  if (name === "") return new ProblemError(code, `Cannot use the body: ${allowed}`);
  const value = getPath(input, issue.path);
  if (value === undefined) return new ProblemError(code, `Cannot do without ${name}: ${allowed}`);
  return new ProblemError(code, `Cannot use ${name}="${formatValue(value)}": ${allowed}`);
}

function getPath(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => typeof value === "object" && value !== null ? Reflect.get(value, key) : value,
    input,
  );
}

/** As it was written; of a long one the beginning. */
function formatValue(value: unknown): string {
  const text = isStringArray(value)
    ? value.join(",")
    : typeof value === "string"
    ? value
    : JSON.stringify(value);
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text;
}

/** Whether it is a parameter that was given more than once. */
function isStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
