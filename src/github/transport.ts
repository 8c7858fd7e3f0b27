import { Octokit } from "@octokit/core";
import { RequestError } from "@octokit/request-error";
import type { EndpointOptions, RequestInterface, ResponseHeaders } from "@octokit/types";
import type { Clock } from "../clock.ts";
import { log } from "../log.ts";
import { withRequestTimeout } from "./request_timeout.ts";

/** What GitHub answered, whatever its status. */
export interface GitHubResponse {
  /** Method and path, for messages: no host, no query. */
  readonly endpoint: string;
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** The parsed JSON, or text where it was none. */
  readonly body: unknown;
  /** When it came, by our clock, in ms since the epoch. */
  readonly receivedAt: number;
}

/** Adds a credential to a request and sends it on, as an auth strategy of Octokit does. */
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
  /** Whether requests need not wait for each other, since those of different users share this. */
  readonly isConcurrent?: boolean;
  /** Called before each request is sent: one whose signal it aborts is not. */
  readonly onSend?: () => void;
}

/**
 * One Octokit, and a time limit on what it sends. It names no API version: GitHub then takes 2022-11-28, whose
 * answers we read, and a GitHub Enterprise Server before 3.21 answers 400 to a version it does not know
 * (https://docs.github.com/en/rest/about-the-rest-api/api-versions).
 */
export class Transport {
  readonly #octokit: Octokit;
  readonly #clock: Clock;
  readonly #isConcurrent: boolean;
  readonly #onSend: (() => void) | undefined;
  #requests = 0;
  /** Resolves when the request before has been answered. */
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

  /** How many requests were sent. */
  get requests(): number {
    return this.#requests;
  }

  /** The address that `endpoint` stands for, its template filled in. */
  url(endpoint: EndpointOptions): URL {
    return new URL(this.#octokit.request.endpoint(endpoint).url);
  }

  /**
   * Sends one request and returns its answer, refusal or not. Redirects are followed (a renamed repository);
   * fetch leaves the credential behind when one leads to another host. One request waits for another, as GitHub asks for:
   * https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests
   * @throws {RefusedError} `unavailable` when there is no answer within REQUEST_LIMIT_MS
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
