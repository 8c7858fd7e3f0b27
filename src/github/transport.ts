import { Octokit } from "@octokit/core";
import { RequestError } from "@octokit/request-error";
import type { EndpointOptions, RequestInterface, ResponseHeaders } from "@octokit/types";
import type { Clock } from "../clock.ts";
import { log } from "../log.ts";
import { withRequestTimeout } from "./request_timeout.ts";

/** A response with any status. */
export interface GitHubResponse {
  /** Method and path without host and query, for error messages. */
  readonly endpoint: string;
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Parsed JSON, or text. */
  readonly body: unknown;
  /** By the local clock, in ms since the epoch. */
  readonly receivedAt: number;
}

/** Adds a credential to a request and sends it: the hook of an Octokit auth strategy. */
export type BeforeRequest = (
  request: RequestInterface,
  options: EndpointOptions,
) => ReturnType<RequestInterface>;

export interface TransportOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3` of a GitHub Enterprise Server. */
  readonly baseUrl: string;
  /** Runwire's own version, for the user agent. */
  readonly version: string;
  readonly clock: Clock;
  /** Whether requests run concurrently, for requests of different users. */
  readonly isConcurrent?: boolean;
  /** Called before each request. If it aborts the signal of the request, the request is not sent. */
  readonly onSend?: () => void;
}

/**
 * Sends requests by Octokit, with a timeout. Sends no API version: GitHub's default is 2022-11-28, which Runwire expects, and
 * GitHub Enterprise Server before 3.21 answers 400 to an unknown version
 * (https://docs.github.com/en/rest/about-the-rest-api/api-versions).
 */
export class Transport {
  readonly #octokit: Octokit;
  readonly #clock: Clock;
  readonly #isConcurrent: boolean;
  readonly #onSend: (() => void) | undefined;
  #requests = 0;
  /** Resolves with the previous response. */
  #lastRequest: Promise<void> = Promise.resolve();

  constructor({ baseUrl, version, clock, isConcurrent = false, onSend }: TransportOptions) {
    const logger = log("github");
    const logDebug = (message: string) => logger.debug("{message}", { message });
    const octokitLog = { debug: logDebug, info: logDebug, warn: logDebug, error: logDebug };
    this.#octokit = new Octokit({
      baseUrl: baseUrl.replace(/\/+$/, ""),
      userAgent: `runwire/${version}`,
      log: octokitLog,
      request: { log: octokitLog },
    });
    this.#clock = clock;
    this.#isConcurrent = isConcurrent;
    this.#onSend = onSend;
  }

  /** The number of sent requests. */
  get requests(): number {
    return this.#requests;
  }

  /** The URL of an endpoint, with its template filled in. */
  url(endpoint: EndpointOptions): URL {
    return new URL(this.#octokit.request.endpoint(endpoint).url);
  }

  /**
   * Sends a request and returns its response with any status. Follows redirects, for example of renamed repositories; fetch
   * drops the credential on a redirect to another host. Requests wait for each other, as GitHub demands:
   * https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests
   * @throws {GitHubError} `unavailable` after REQUEST_TIMEOUT_MS or when the connection fails
   * @throws the signal's reason when it aborts
   */
  async send(
    endpoint: EndpointOptions,
    options: { readonly signal: AbortSignal; readonly beforeRequest?: BeforeRequest },
  ): Promise<GitHubResponse> {
    if (this.#isConcurrent) return await this.#sendNow(endpoint, options);
    const previous = this.#lastRequest;
    const current = Promise.withResolvers<void>();
    this.#lastRequest = current.promise;
    await previous;
    try {
      return await this.#sendNow(endpoint, options);
    } finally {
      current.resolve();
    }
  }

  async #sendNow(
    endpoint: EndpointOptions,
    { signal, beforeRequest }: {
      readonly signal: AbortSignal;
      readonly beforeRequest?: BeforeRequest;
    },
  ): Promise<GitHubResponse> {
    const name = `${endpoint.method} ${this.url(endpoint).pathname}`;
    this.#onSend?.();
    signal.throwIfAborted();
    this.#requests++;
    const response = await withRequestTimeout(name, { clock: this.#clock, signal }, (signal) => {
      return this.#request({ ...endpoint, request: { signal } }, beforeRequest);
    });
    return { endpoint: name, receivedAt: this.#clock.now(), ...response };
  }

  async #request(endpoint: EndpointOptions, beforeRequest: BeforeRequest | undefined) {
    const { request } = this.#octokit;
    try {
      const { status, headers, data } =
        await (beforeRequest ? beforeRequest(request, endpoint) : request(endpoint));
      return { status, headers, body: data };
    } catch (error) {
      if (!(error instanceof RequestError) || !error.response) throw error;
      const { status, headers, data } = error.response;
      return { status, headers, body: data };
    }
  }
}
