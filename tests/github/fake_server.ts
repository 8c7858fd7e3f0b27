import { systemClock } from "../../src/clock.ts";
import { GitHubError } from "../../src/errors.ts";
import { GitHub } from "../../src/github/client.ts";
import type { Credential } from "../../src/github/credential.ts";

/** The real timers, because tests may replace them. */
const { setTimeout, clearTimeout } = globalThis;

/** Longer than any test step, also on a busy machine. */
const WAIT_LIMIT_MS = 8_000;

/** A server on 127.0.0.1 with test responses, which records requests. */
export class FakeServer {
  /** Copies, because a request cannot be read after its response. */
  readonly requests: { readonly url: URL; readonly headers: Headers }[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #stop = new AbortController();

  constructor(answer: (request: Request, count: number) => Response | Promise<Response>) {
    const { signal } = this.#stop;
    const options = { hostname: "127.0.0.1", port: 0, signal, onListen() {} };
    this.#server = Deno.serve(options, (request) => {
      this.requests.push({ url: new URL(request.url), headers: new Headers(request.headers) });
      return answer(request, this.requests.length);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** One header of each request so far. */
  sentHeaders(header: string): (string | null)[] {
    return this.requests.map(({ headers }) => headers.get(header));
  }

  /** Path and query of each request so far. */
  get requestedPaths(): string[] {
    return this.requests.map(({ url }) => url.pathname + url.search);
  }

  github(credential: Credential = { token: "secret" }): GitHub {
    return new GitHub({ credential, baseUrl: this.url, version: "1.2.3", clock: systemClock });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#server.finished;
  }
}

/** Responds with `body` and its ETag, or with 304 if the request has that ETag. */
export function respondWithEtag(
  request: Request,
  body: unknown,
  headers: HeadersInit = {},
): Response {
  const text = JSON.stringify(body);
  const etag = `W/"${text.length}-${request.headers.get("authorization")}"`;
  if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304 });
  const response = Response.json(body, { headers });
  response.headers.set("etag", etag);
  return response;
}

/** The header with the next page, on the same host. */
export function nextPageHeader(request: Request, path: string): { readonly link: string } {
  const { origin } = new URL(request.url);
  return { link: `<${origin}${path}>; rel="next", <${origin}/last>; rel="last"` };
}

/** The GitHubError of a rejected promise. Fails the test if there is none. */
export async function rejectedGitHubError(promise: Promise<unknown>): Promise<GitHubError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof GitHubError) return error;
    throw error;
  }
  throw new Error("Expected a RefusedError, got an answer");
}

/** Rejects if a promise takes too long in real time. */
export async function withTimeout<T>(promise: Promise<T>): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("Waited too long")), WAIT_LIMIT_MS);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** A signal that never aborts. */
export const neverAborted: AbortSignal = new AbortController().signal;

/** A `workflow-run` of GitHub, with only the used fields. */
export function runJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 30433642,
    name: "Build",
    head_branch: "main",
    head_sha: "acb5820ced9479c074f688cc328bf03f341a511d",
    path: ".github/workflows/build.yml@main",
    display_title: "Update README.md",
    run_number: 562,
    run_attempt: 2,
    event: "push",
    status: "completed",
    conclusion: "success",
    workflow_id: 159038,
    html_url: "https://github.com/octo-org/octo-repo/actions/runs/30433642",
    created_at: "2020-01-22T19:33:08Z",
    updated_at: "2020-01-22T19:43:08Z",
    run_started_at: "2020-01-22T19:33:10Z",
    actor: { login: "octocat", id: 1 },
    repository: { id: 1296269, full_name: "octo-org/octo-repo" },
    ...changes,
  };
}
