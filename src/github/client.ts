import { createHash } from "node:crypto";
import type { EndpointOptions } from "@octokit/types";
import { GitHubError, isGlobal } from "../errors.ts";
import type { Random } from "../random.ts";
import type { GitHubBackoff, GitHubQuota, GitHubRateLimit } from "../run/github_rate_limit.ts";
import { type Credential, Installation } from "./credential.ts";
import { assertOk, parseResetTime } from "./error.ts";
import { GitHubClient, type RequestOptions } from "./github_client.ts";
import { RateLimitGate } from "./rate_limit_gate.ts";
import type { ResponseCache, ResponsePage } from "./response_cache.ts";
import {
  type BeforeRequest,
  type GitHubResponse,
  Transport,
  type TransportOptions,
} from "./transport.ts";

interface GitHubOptions extends TransportOptions {
  readonly credential: Credential;
  readonly random?: Random;
}

/** The credential of one request: a token, or the App's own JWT. */
type RequestAuth = { readonly token: string } | { readonly beforeRequest: BeforeRequest };

/**
 * All requests with Runwire's credential, one at a time. Requests through this client are always sent, for clients that wait
 * for them; `background` returns a client for all other work.
 *
 * `new GitHub({ credential, baseUrl, version, clock })`
 */
export class GitHub extends GitHubClient implements GitHubQuota {
  readonly #transport: Transport;
  readonly #gate: RateLimitGate;
  readonly #installation: Installation | undefined;
  readonly #token: string;
  readonly #origin: string;
  #notModified = 0;

  /** @throws {UsageError} when an App's private key cannot be read */
  constructor(options: GitHubOptions) {
    super();
    const { credential, baseUrl, clock, random = Math.random } = options;
    this.#transport = new Transport(options);
    this.#gate = new RateLimitGate({ clock, random });
    this.#origin = new URL(baseUrl).origin;
    const isToken = "token" in credential;
    this.#token = isToken ? credential.token : "";
    this.#installation = isToken
      ? undefined
      : new Installation(credential, { transport: this.#transport, clock });
  }

  /**
   * A client for work that no client waits for. It throws GitHubPausedError instead of sending a request while GitHub asks for
   * a pause, or while less than `reservedShare` of the rate limit is left.
   */
  background(reservedShare: number): GitHubClient {
    return new BackgroundGitHub(this, reservedShare);
  }

  get isInstallation(): boolean {
    return this.#installation !== undefined;
  }

  get rateLimit(): GitHubRateLimit | undefined {
    return this.#gate.rateLimit;
  }

  get backoff(): GitHubBackoff | undefined {
    return this.#gate.backoff;
  }

  /** Requests sent. */
  get requests(): number {
    return this.#transport.requests;
  }

  /** Requests that GitHub answered with 304, which do not count against the rate limit. */
  get notModified(): number {
    return this.#notModified;
  }

  async get<T>(
    cache: ResponseCache<T>,
    path: string,
    options: RequestOptions,
  ): Promise<ResponsePage<T>> {
    const endpoint: EndpointOptions = { ...options.parameters, method: "GET", url: path };
    const { href, origin } = this.#transport.url(endpoint);
    if (origin !== this.#origin) {
      const message =
        `The next page is on ${origin}, which must not see the credential for ${this.#origin}`;
      throw new GitHubError({ kind: "unavailable" }, message);
    }
    return await this.#withGate(options, async (auth, send) => {
      const credential = "token" in auth ? auth.token : "app";
      const key = {
        credential: createHash("sha256").update(credential).digest("base64"),
        url: href,
      };
      const cached = cache.find(key);
      const headers = cached ? { "if-none-match": cached.etag } : {};
      const response = await send({ ...endpoint, headers });
      if (cached && response.status === 304) {
        this.#notModified++;
        return cached.page;
      }
      assertOk(response);
      const page = { value: cache.parse(response), next: parseNextLink(response) };
      if (response.headers.etag) cache.store(key, { etag: response.headers.etag, page });
      return page;
    });
  }

  post(path: string, options: RequestOptions): Promise<GitHubResponse> {
    return this.#mutate("POST", path, options);
  }

  async delete(path: string, options: RequestOptions): Promise<void> {
    await this.#mutate("DELETE", path, options);
  }

  #mutate(
    method: "POST" | "DELETE",
    path: string,
    options: RequestOptions,
  ): Promise<GitHubResponse> {
    return this.#withGate(options, async (_auth, send) => {
      const response = await send({ ...options.parameters, method, url: path });
      assertOk(response);
      return response;
    });
  }

  /** Runs `request` if the gate allows it, and reports the outcome to the gate. */
  async #withGate<T>(
    { signal, asApp = false, isCredentialCheck = false, reservedShare }: RequestOptions,
    request: (auth: RequestAuth, send: Send) => Promise<T>,
  ): Promise<T> {
    if (reservedShare !== undefined) this.#gate.assertOpen(reservedShare);
    const asInstallation = !(asApp && this.#installation);
    try {
      const auth = await this.#authenticate({ asApp, signal });
      const send: Send = (endpoint) => this.#send(endpoint, auth, signal);
      const result = await request(auth, send);
      if (asInstallation) this.#gate.onSuccess();
      return result;
    } catch (cause) {
      const error = isCredentialCheck ? toCredentialError(cause) : cause;
      // The App has a rate limit of its own, and its 401 does not concern the installation's token.
      const concernsAll = asInstallation && error instanceof GitHubError && isGlobal(error.failure);
      if (concernsAll) this.#gate.onFailure(error);
      throw error;
    }
  }

  async #send(
    endpoint: EndpointOptions,
    auth: RequestAuth,
    signal: AbortSignal,
  ): Promise<GitHubResponse> {
    if ("beforeRequest" in auth) return await this.#transport.send(endpoint, { ...auth, signal });
    const headers = { ...endpoint.headers, authorization: `token ${auth.token}` };
    const response = await this.#transport.send({ ...endpoint, headers }, { signal });
    const rateLimit = parseRateLimit(response);
    if (rateLimit) this.#gate.onRateLimit(rateLimit);
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

type Send = (endpoint: EndpointOptions) => Promise<GitHubResponse>;

class BackgroundGitHub extends GitHubClient {
  readonly #github: GitHub;
  readonly #reservedShare: number;

  constructor(github: GitHub, reservedShare: number) {
    super();
    this.#github = github;
    this.#reservedShare = reservedShare;
  }

  get isInstallation(): boolean {
    return this.#github.isInstallation;
  }

  get<T>(cache: ResponseCache<T>, path: string, options: RequestOptions): Promise<ResponsePage<T>> {
    return this.#github.get(cache, path, { ...options, reservedShare: this.#reservedShare });
  }

  post(path: string, options: RequestOptions): Promise<GitHubResponse> {
    return this.#github.post(path, { ...options, reservedShare: this.#reservedShare });
  }

  delete(path: string, options: RequestOptions): Promise<void> {
    return this.#github.delete(path, { ...options, reservedShare: this.#reservedShare });
  }
}

function toCredentialError(error: unknown): unknown {
  const isRejected = error instanceof GitHubError && error.failure.kind === "not_accessible";
  return isRejected ? new GitHubError({ kind: "unauthorized" }, error.message) : error;
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
  const resetAt = parseResetTime(response);
  if (!Number.isFinite(limit + remaining) || resetAt === undefined) return undefined;
  return { limit, remaining, resetAt };
}
