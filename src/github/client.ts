import { createHash } from "node:crypto";
import type { EndpointOptions } from "@octokit/types";
import { GitHubError } from "../errors.ts";
import type { GitHubRateLimit } from "../run/github_rate_limit.ts";
import type { ResponseCache, ResponsePage } from "./response_cache.ts";
import { type Credential, Installation } from "./credential.ts";
import { assertOk, parseResetTime } from "./error.ts";
import {
  type BeforeRequest,
  type GitHubResponse,
  Transport,
  type TransportOptions,
} from "./transport.ts";

/** GitHub gives no more on one page. */
const PAGE_SIZE = 100;

/** 10,000 things: a list that seems to have no end must have one. */
const MAX_PAGES = 100;

export interface GitHubOptions extends TransportOptions {
  readonly credential: Credential;
}

/** Fills the template of a path; what it does not name becomes the query (GET) or the JSON body. */
export type RequestParameters = Readonly<Record<string, unknown>>;

export interface GetOptions {
  readonly parameters?: RequestParameters;
  readonly signal: AbortSignal;
  /** Whether the App itself asks, by its JWT, and not its installation; a token knows no App, and asks as ever. */
  readonly asApp?: boolean;
}

/** As for a GET; what the path does not name becomes the JSON body. */
export type PostOptions = GetOptions;

/** Who asks: the holder of a token, or the App itself. */
type RequestAuth = { readonly token: string } | { readonly beforeRequest: BeforeRequest };

/**
 * Every request to GitHub, with one credential. It neither waits nor retries, and sends whatever it is asked to
 * send: one request at a time is the caller's affair.
 *
 * `new GitHub({ credential, baseUrl, version, clock })`
 */
export class GitHub {
  readonly #transport: Transport;
  readonly #installation: Installation | undefined;
  readonly #token: string;
  readonly #origin: string;
  #rateLimit: GitHubRateLimit | undefined;
  #notModified = 0;

  /** @throws {UsageError} when an App's private key cannot be read */
  constructor(options: GitHubOptions) {
    const { credential, baseUrl, clock } = options;
    this.#transport = new Transport(options);
    this.#origin = new URL(baseUrl).origin;
    const isToken = "token" in credential;
    this.#token = isToken ? credential.token : "";
    this.#installation = isToken
      ? undefined
      : new Installation(credential, { transport: this.#transport, clock });
  }

  /** Whether it acts as an App's installation, which has repositories but is no user. */
  get isInstallation(): boolean {
    return this.#installation !== undefined;
  }

  /** What is left of the rate limit, as last heard; `undefined` where there is none (GitHub Enterprise Server). */
  get rateLimit(): GitHubRateLimit | undefined {
    return this.#rateLimit;
  }

  /** Requests sent. */
  get requests(): number {
    return this.#transport.requests;
  }

  /** Those of them that were answered with 304, which cost nothing. */
  get notModified(): number {
    return this.#notModified;
  }

  /**
   * One page, asked for with the ETag of the last answer to the same credential, and read again only when it
   * has changed. `path` is a template (`/repos/{owner}/{repo}`) or the `next` of a page.
   * @throws {GitHubError} when GitHub refuses, does not answer in time, or not as it documents
   */
  async get<T>(
    cache: ResponseCache<T>,
    path: string,
    options: GetOptions,
  ): Promise<ResponsePage<T>> {
    const { parameters, signal, asApp = false } = options;
    const endpoint: EndpointOptions = { ...parameters, method: "GET", url: path };
    const { href: url, origin } = this.#transport.url(endpoint);
    if (origin !== this.#origin) {
      const message =
        `The next page is on ${origin}, which must not see the credential for ${this.#origin}`;
      throw new GitHubError({ kind: "unavailable" }, message);
    }
    const auth = await this.#authenticate({ asApp, signal });
    const credential = "token" in auth ? auth.token : "app";
    const key = { credential: createHash("sha256").update(credential).digest("base64"), url };
    const cached = cache.find(key);
    const headers = cached ? { "if-none-match": cached.etag } : {};
    const response = await this.#send({ ...endpoint, headers }, { auth, signal });
    if (cached && response.status === 304) {
      this.#notModified++;
      return cached.page;
    }
    assertOk(response);
    const page = { value: cache.parse(response), next: parseNextLink(response) };
    if (response.headers.etag) cache.store(key, { etag: response.headers.etag, page });
    return page;
  }

  /**
   * The first `count` of a list, page after page; fewer where there are fewer.
   * @throws {GitHubError} as `get` does
   */
  async list<T>(
    cache: ResponseCache<readonly T[]>,
    path: string,
    options: GetOptions & { readonly count: number },
  ): Promise<readonly T[]> {
    const { count, parameters, ...rest } = options;
    const per_page = Math.min(count, PAGE_SIZE);
    const items: T[] = [];
    for await (
      const page of this.pages(cache, path, { parameters: { ...parameters, per_page }, ...rest })
    ) {
      items.push(...page);
      if (items.length >= count) break;
    }
    return items.slice(0, count);
  }

  /**
   * A list page by page, of PAGE_SIZE unless `parameters` say otherwise; the next is fetched when it is asked for.
   * @throws {GitHubError} as `get` does
   */
  async *pages<T>(
    cache: ResponseCache<readonly T[]>,
    path: string,
    { parameters, ...options }: GetOptions,
  ): AsyncGenerator<readonly T[]> {
    const firstParameters = { ...parameters, per_page: parameters?.["per_page"] ?? PAGE_SIZE };
    let next: string | undefined = path;
    for (let page = 0; next !== undefined && page < MAX_PAGES; page++) {
      const response: ResponsePage<readonly T[]> = await this.get(cache, next, {
        ...options,
        parameters: page === 0 ? firstParameters : {},
      });
      yield response.value;
      next = response.next;
    }
  }

  /**
   * Asks GitHub to do something, once, and returns what it answered (2xx).
   * @throws {GitHubError} when GitHub refuses, or does not answer in time: whether it was done is then not known
   */
  post(path: string, options: PostOptions): Promise<GitHubResponse> {
    return this.#mutate("POST", path, options);
  }

  /** Asks GitHub to delete something, once. Refused as `post` is. */
  async delete(path: string, options: PostOptions): Promise<void> {
    await this.#mutate("DELETE", path, options);
  }

  async #mutate(
    method: "POST" | "DELETE",
    path: string,
    { parameters, signal, asApp = false }: PostOptions,
  ): Promise<GitHubResponse> {
    const auth = await this.#authenticate({ asApp, signal });
    const endpoint: EndpointOptions = { ...parameters, method, url: path };
    const response = await this.#send(endpoint, { auth, signal });
    assertOk(response);
    return response;
  }

  async #send(
    endpoint: EndpointOptions,
    { auth, signal }: { readonly auth: RequestAuth; readonly signal: AbortSignal },
  ): Promise<GitHubResponse> {
    // The App's own budget is another one than its installation's, and a 401 says nothing of the token.
    if ("beforeRequest" in auth) return await this.#transport.send(endpoint, { ...auth, signal });
    const headers = { ...endpoint.headers, authorization: `token ${auth.token}` };
    const response = await this.#transport.send({ ...endpoint, headers }, { signal });
    this.#rateLimit = parseRateLimit(response) ?? this.#rateLimit;
    if (response.status === 401) this.#installation?.onUnauthorized(response);
    return response;
  }

  async #authenticate(
    { asApp, signal }: { readonly asApp: boolean; readonly signal: AbortSignal },
  ): Promise<RequestAuth> {
    if (!this.#installation) return { token: this.#token };
    return asApp ? { beforeRequest: this.#installation.signAsApp } : {
      token: await this.#installation.token(signal),
    };
  }
}

/** The address of the next page: RFC 8288, as GitHub writes it. */
export function parseNextLink({ headers }: GitHubResponse): string | undefined {
  return /<([^<>]+)>;\s*rel="next"/.exec(headers.link ?? "")?.[1];
}

/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit */
function parseRateLimit(response: GitHubResponse): GitHubRateLimit | undefined {
  const { headers } = response;
  if ((headers["x-ratelimit-resource"] ?? "core") !== "core") return undefined;
  const limit = Number(headers["x-ratelimit-limit"]);
  const remaining = Number(headers["x-ratelimit-remaining"]);
  const resetTime = parseResetTime(response);
  if (!Number.isFinite(limit + remaining) || resetTime === undefined) return undefined;
  return { limit, remaining, resetAt: resetTime };
}
