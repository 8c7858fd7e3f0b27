import { createRoute, OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import type { Principal } from "../account/principal.ts";
import { paramsSchema, validationProblem } from "./params.ts";
import { openApiProblems, type ProblemCode, READ_PROBLEMS, WRITE_PROBLEMS } from "./problem.ts";

/** What handlers receive besides the request. */
export interface RequestEnvironment {
  readonly Bindings: Deno.ServeHandlerInfo;
  readonly Variables: {
    readonly requestId: string;
    /** `undefined` if PUBLIC_URL is not set. */
    readonly publicUrl: string | undefined;
    readonly principal: Principal;
  };
}

/** Routes with a definition each, which gives the validation, the types and the operation in /openapi.json. */
export type Api = OpenAPIHono<RequestEnvironment>;

/** An API without routes. Requests that do not match the definition of their route get 400. */
export function newApi(): Api {
  return new OpenAPIHono<RequestEnvironment>({
    defaultHook: (result) => {
      if (result.success) return;
      const input = "data" in result ? result.data : undefined;
      throw validationProblem(result.error, { input, isBody: result.target === "json" });
    },
  });
}

/** Where the routes of the dashboard are mounted: https://spec.openapis.org/oas/v3.1.1.html#server-object */
export const DATA_SERVERS = [
  { url: "/", description: "At the root" },
  { url: "/api/v1", description: "The same, versioned" },
];

/** The response of cached routes to `If-None-Match`. */
export const NOT_MODIFIED = { 304: { description: "Not changed since this `ETag`" } };

/** The response of Deno's HTTP server before any route handles the request; its body is empty. */
export const MALFORMED_REQUEST = { 400: { description: "Malformed HTTP request" } };

/** Marks a definition that /openapi.json omits, such as a file of a page. */
export const UNLISTED = { "x-internal": true };

export function jsonResponse<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** A named schema or `null`. With `schema.nullable()`, the component itself would allow `null`. */
export function nullable<Schema extends z.ZodType>(schema: Schema, description: string) {
  return z.union([schema, z.null()]).openapi({ description });
}

export function ok<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { 200: jsonResponse(schema, description) };
}

/** A created resource with its URL in `Location`. */
export function created<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  location: string,
) {
  return {
    201: {
      ...jsonResponse(schema, description),
      headers: { Location: { description: location, schema: { type: "string" as const } } },
    },
  };
}

interface ApiRouteOptions<Path extends string, Params, Query, Responses> {
  readonly operationId: string;
  readonly tag: string;
  readonly method: "get" | "post" | "patch" | "delete";
  readonly path: Path;
  readonly servers?: typeof DATA_SERVERS;
  readonly access: { readonly security: Record<string, string[]>[] };
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  readonly query?: Query;
  /** The responses of successful requests. */
  readonly returns: Responses;
  /** The problems besides those of every route. */
  readonly problems?: readonly ProblemCode[];
}

const NO_PARAMS = paramsSchema({});
type NoParams = typeof NO_PARAMS;

/** A route without a body. Responses to GET are cached by their `ETag`. */
export function apiRoute<
  Path extends string,
  Responses extends RouteConfig["responses"],
  Params extends z.ZodObject = NoParams,
  Query extends z.ZodObject = NoParams,
>(options: ApiRouteOptions<Path, Params, Query, Responses>) {
  const { params, query, method, returns, problems = [] } = options;
  return createRoute({
    ...toOperation(options),
    request: { params: params ?? NO_PARAMS as Params, query: query ?? NO_PARAMS as Query },
    responses: {
      ...returns,
      ...(method === "get" ? NOT_MODIFIED : {}),
      ...openApiProblems(...READ_PROBLEMS, ...problems),
    },
  });
}

/** A route with a JSON body. */
export function bodyRoute<
  Path extends string,
  Responses extends RouteConfig["responses"],
  Body extends z.ZodType,
  Params extends z.ZodObject = NoParams,
>(
  options: ApiRouteOptions<Path, Params, NoParams, Responses> & { readonly body: Body },
) {
  const { params, body, returns, problems = [] } = options;
  return createRoute({
    ...toOperation(options),
    request: {
      params: params ?? NO_PARAMS as Params,
      query: NO_PARAMS,
      body: { required: true, content: { "application/json": { schema: body } } },
    },
    responses: { ...returns, ...openApiProblems(...WRITE_PROBLEMS, ...problems) },
  });
}

function toOperation<Path extends string>(
  { operationId, tag, method, path, servers, access, summary, description }: ApiRouteOptions<
    Path,
    unknown,
    unknown,
    unknown
  >,
) {
  return {
    operationId,
    tags: [tag],
    method,
    path,
    ...(servers ? { servers } : {}),
    ...access,
    summary,
    ...(description === undefined ? {} : { description }),
  };
}
