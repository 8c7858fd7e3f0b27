import type { Browser } from "./browser.ts";
import type { MarkedRepository } from "../apps/visibility_scenario.ts";
import { readUntilSilence } from "../wait.ts";

/** How long a stream is silent when everything sent so far has arrived. */
const SILENCE_MS = 250;

interface Schema {
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
}

/** A route at one of its places. */
export interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** What a user asks: with values of something hidden, and the same with those of nothing. */
export interface ProbeRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

export interface ProbePair {
  readonly hidden: ProbeRequest;
  readonly absentRequest: ProbeRequest;
  /** The values in them: where the one tells its own, the other may tell its own. */
  readonly values: readonly [string, string];
}

/** In nothing that there is. */
const ABSENT_NUMBER = 999_000_999;

/** Of the same form, so that it is understood alike. */
function toAbsentText(text: string): string {
  return /^[0-9a-f]{40}$/.test(text) ? "f".repeat(40) : text.replace(/\w+marked/i, "absent");
}

/** Every operation of a document at every base. */
export function listEndpoints({ paths }: Document): readonly Endpoint[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) =>
      (operation.servers ?? [{ url: "/" }]).map(({ url }) => ({
        method: method.toUpperCase(),
        path: url.replace(/\/$/, "") + path,
        operation,
      }))
    )
  );
}

/** The route without parameters, if it can be asked so. */
export function plainRequests({ method, path, operation }: Endpoint): readonly ProbeRequest[] {
  return /\{/.test(path) || operation.requestBody ? [] : [{ method, path }];
}

/** The route with each of its parameters, and each field of its body, set to everything that is hidden. */
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
  { method, path, operation }: Endpoint,
  value: string | number,
): readonly ProbeRequest[] {
  const filled = path.replaceAll(/\{\w+\}/g, encodeURIComponent(value));
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const body = schema && fillBody(schema, value);
  const query = (operation.parameters ?? []).filter((each) => each.in === "query");
  const inQuery = query.map(({ name }) => ({
    method,
    path: `${filled}?${name}=${encodeURIComponent(value)}`,
    body,
  }));
  return /\{/.test(path) || body ? [{ method, path: filled, body }, ...inQuery] : inQuery;
}

/** The value wherever one of its type may stand. */
function fillBody({ type, enum: choices, properties, items }: Schema, value: unknown): unknown {
  if (choices) return choices[0];
  if (properties) {
    const fields = Object.entries(properties).map((
      [name, each],
    ) => [name, fillBody(each, value)]);
    return Object.fromEntries(fields.filter(([, field]) => field !== undefined));
  }
  if (type === "array") return items ? [fillBody(items, value)] : [];
  const fits = type === "string" ? typeof value === "string" : typeof value === "number";
  return fits ? value : undefined;
}

export interface ProbeResponse {
  readonly status: number;
  /** All that could tell something: status, headers and body. */
  readonly text: string;
}

/** Of every answer another one, or of something that the question did not ask for. */
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

/** Asks as a user. Of a stream, what comes until it is silent. */
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

/** Without what goes on meanwhile: the number of the last event, and how we stand with GitHub. */
function stripEventIds(stream: string): string {
  const blocks = stream.split("\n\n").filter((block) => !/^event:status$|^:/m.test(block));
  return blocks.map((block) => block.replace(/^id:\d+$/m, "id:")).join("\n\n");
}

async function readStream({ body }: Response): Promise<string> {
  const text = (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream());
  return stripEventIds(await readUntilSilence(text, SILENCE_MS));
}
