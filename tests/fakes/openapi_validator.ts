import { Ajv2020, type ValidateFunction } from "ajv";
import formats from "ajv-formats";

type Json = { readonly [key: string]: unknown };

interface Operation {
  readonly servers?: readonly { readonly url: string }[];
  readonly responses: Readonly<Record<string, { readonly content?: Json }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: Json;
}

/** A response; `body` is absent if it is not JSON. */
export interface ApiResponse {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
  readonly body?: unknown;
}

interface Route {
  readonly path: string;
  readonly pattern: RegExp;
  readonly operations: Readonly<Record<string, Operation>>;
}

/** Undocumented responses that every path may send: [status, code]. */
const COMMON_RESPONSES: readonly (readonly [number, string])[] = [
  [403, "origin_not_allowed"],
  [405, "method_not_allowed"],
];

/** Validates responses against an OpenAPI document. Fields that the document does not name are violations. */
export class OpenApiValidator {
  readonly routes: readonly Route[];
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(document: Document) {
    formats.default(this.#ajv);
    this.#ajv.addSchema({
      $id: "api",
      components: forbidUnknownFields(document.components),
      paths: forbidUnknownFields(document.paths),
    });
    this.routes = Object.entries(document.paths).flatMap(([path, operations]) =>
      basePaths(operations).map((base) => ({
        path,
        pattern: new RegExp(`^${base}${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
        operations,
      }))
    );
  }

  /** The violation of a response, as a sentence; `undefined` for valid responses. */
  findViolation(apiResponse: ApiResponse): string | undefined {
    const { path, status, contentType, body } = apiResponse;
    const method = apiResponse.method === "HEAD" ? "get" : apiResponse.method.toLowerCase();
    const route = this.routes.find(({ pattern }) => pattern.test(path));
    const operation = route?.operations[method];
    if (!route || !operation) {
      return checkCommonResponse(apiResponse, route ? COMMON_RESPONSES : [[404, "not_found"]]);
    }
    const response = operation.responses[status];
    if (!response) return `${status} is not documented`;
    const type = contentType?.split(";", 1)[0] ?? null;
    if (!response.content) return type === null ? undefined : `${type} is not documented`;
    if (type === null || !(type in response.content)) return `${type} is not documented`;
    if (body === undefined) return undefined;
    const validate = this.#compileValidator([
      route.path,
      method,
      "responses",
      String(status),
      "content",
      type,
    ]);
    return validate(body) ? undefined : this.#ajv.errorsText(validate.errors);
  }

  #compileValidator(segments: readonly string[]): ValidateFunction {
    const pointer = ["paths", ...segments, "schema"].map(escapePointer).join("/");
    const validator = this.#validators.get(pointer) ??
      this.#ajv.compile({ $ref: `api#/${pointer}` });
    this.#validators.set(pointer, validator);
    return validator;
  }
}

function checkCommonResponse(
  { status, body }: ApiResponse,
  allowed: readonly (readonly [number, string])[],
): string | undefined {
  const code = isJson(body) ? body.code : undefined;
  const isAllowed = allowed.some(([s, c]) => s === status && (body === undefined || c === code));
  return isAllowed ? undefined : `${status} ${code} is for a route that is documented`;
}

function basePaths(operations: Readonly<Record<string, Operation>>): readonly string[] {
  const servers = Object.values(operations).flatMap(({ servers }) => servers ?? [{ url: "/" }]);
  return [...new Set(servers.map(({ url }) => url.replace(/\/$/, "")))];
}

/** Forbids unknown fields wherever a schema is used, but not where it is defined, because `allOf` may add fields there. */
function forbidUnknownFields(value: unknown, isUse = false): unknown {
  if (Array.isArray(value)) return value.map((each) => forbidUnknownFields(each, isUse));
  if (!isJson(value)) return value;
  const copy = Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === "properties" && isJson(each)
        ? Object.fromEntries(
          Object.entries(each).map(([name, use]) => [name, forbidUnknownFields(use, true)]),
        )
        : forbidUnknownFields(each, ["schema", "items", "anyOf", "oneOf"].includes(key)),
    ]),
  );
  const isClosed = isUse && ["$ref", "allOf", "properties"].some((key) => key in copy);
  return isClosed ? { ...copy, unevaluatedProperties: false } : copy;
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function escapePointer(part: string): string {
  return encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
}
