import type { Browser } from "./browser.ts";
import type { MarkedRepository } from "../apps/visibility_scenario.ts";
import { readUntilSilence } from "../wait.ts";

/** How long a stream is silent when everything sent so far has arrived. */
const SILENCE_MS = 250;

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

interface Operation {
  readonly servers?: readonly { readonly url: string }[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** An operation under one of its servers. */
export interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  /** The schema of the JSON body. */
  readonly body: Schema | undefined;
}

export interface ProbeRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

/** The same request with values of a hidden repository, and with values that do not exist. */
export interface ProbePair {
  readonly hidden: ProbeRequest;
  readonly absentRequest: ProbeRequest;
  /** The values of the two requests. A response may repeat the value of its request. */
  readonly values: readonly [string, string];
}

/** The id of no object. */
const ABSENT_NUMBER = 999_000_999;

/** A text of the same form that does not exist. */
function toAbsentText(text: string): string {
  return /^[0-9a-f]{40}$/.test(text) ? "f".repeat(40) : text.replace(/\w+marked/i, "absent");
}

/** Every operation of a document under every server. */
export function listEndpoints({ paths, components }: Document): readonly Endpoint[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) =>
      (operation.servers ?? [{ url: "/" }]).map(({ url }) => ({
        method: method.toUpperCase(),
        path: url.replace(/\/$/, "") + path,
        operation,
        body: resolve(Object.values(operation.requestBody?.content ?? {})[0]?.schema, components),
      }))
    )
  );
}

function resolve(
  schema: Schema | undefined,
  { schemas }: Document["components"],
): Schema | undefined {
  const name = schema?.$ref?.split("/").at(-1);
  return name === undefined ? schema : schemas[name];
}

/** The request without parameters, if the operation has no required ones. */
export function plainRequests({ method, path, operation }: Endpoint): readonly ProbeRequest[] {
  return /\{/.test(path) || operation.requestBody ? [] : [{ method, path }];
}

/** Requests with every hidden value in every parameter and in every field of the body. */
export function probePairs(
  endpoint: Endpoint,
  { texts, numbers }: MarkedRepository,
): readonly ProbePair[] {
  const values = [
    ...texts.map((text) => [text, toAbsentText(text)] as const),
    ...numbers.map((number) => [number, ABSENT_NUMBER] as const),
  ];
  return values.flatMap(([value, absentValue]) => {
    const hiddenRequests = probeRequests(endpoint, value);
    return probeRequests(endpoint, absentValue).map((absentRequest, i): ProbePair => ({
      hidden: hiddenRequests[i] ?? absentRequest,
      absentRequest,
      values: [String(value), String(absentValue)],
    }));
  });
}

function probeRequests(
  { method, path, operation, body: schema }: Endpoint,
  value: string | number,
): readonly ProbeRequest[] {
  const filled = path.replaceAll(/\{\w+\}/g, encodeURIComponent(value));
  const body = schema && fillBody(schema, value);
  const query = (operation.parameters ?? []).filter((each) => each.in === "query");
  const inQuery = query.map(({ name }) => ({
    method,
    path: `${filled}?${name}=${encodeURIComponent(value)}`,
    body,
  }));
  return /\{/.test(path) || body ? [{ method, path: filled, body }, ...inQuery] : inQuery;
}

/** A body with the value in every field of its type. */
function fillBody({ type, enum: choices, properties, items }: Schema, value: unknown): unknown {
  if (choices) return choices[0];
  if (properties) {
    const fields = Object.entries(properties).map(([name, each]) => [name, fillBody(each, value)]);
    return Object.fromEntries(fields.filter(([, field]) => field !== undefined));
  }
  if (type === "array") return items ? [fillBody(items, value)] : [];
  const fits = type === "string" ? typeof value === "string" : typeof value === "number";
  return fits ? value : undefined;
}

export interface ProbeResponse {
  readonly status: number;
  /** Status, headers and body. */
  readonly text: string;
}

/** Headers that differ between equal responses, or do not depend on the request. */
const VOLATILE_HEADERS = [
  "x-request-id",
  "date",
  "etag",
  "content-length",
  "set-cookie",
  "location",
  "ratelimit",
  "retry-after",
];

/** Sends a request as a user. A stream is read until it is silent. */
export async function sendProbe(
  browser: Browser,
  { method, path, body }: ProbeRequest,
): Promise<ProbeResponse> {
  const response = method === "GET"
    ? await browser.get(path)
    : await browser.request(method, path, body);
  const headers = [...response.headers].filter(([name]) => !VOLATILE_HEADERS.includes(name));
  const isStream = response.headers.get("content-type") === "text/event-stream";
  const text = isStream ? await readStream(response) : await response.text();
  return { status: response.status, text: `${response.status} ${JSON.stringify(headers)} ${text}` };
}

/** Removes sequence numbers and status events, which change between requests. */
function stripEventIds(stream: string): string {
  const blocks = stream.split("\n\n").filter((block) => !/^event:status$|^:/m.test(block));
  return blocks.map((block) => block.replace(/^id:\d+$/m, "id:")).join("\n\n");
}

async function readStream({ body }: Response): Promise<string> {
  const text = (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream());
  return stripEventIds(await readUntilSilence(text, SILENCE_MS));
}
