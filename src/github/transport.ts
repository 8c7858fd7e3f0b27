import { Octokit } from "@octokit/core";
import { RequestError } from "@octokit/request-error";
import type { EndpointOptions, RequestInterface, ResponseHeaders } from "@octokit/types";
import type { Clock } from "../clock.ts";
import { log } from "../log.ts";
import { withinLimit } from "./time_limit.ts";

/** What GitHub answered, whatever its status. */
export interface Answer {
  /** Method and path, for messages: no host, no query. */
  readonly to: string;
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** The parsed JSON, or text where it was none. */
  readonly body: unknown;
  /** When it came, by our clock, in ms since the epoch. */
  readonly at: number;
}

/** Adds a credential to a request and sends it on, as an auth strategy of Octokit does. */
export type Hook = (
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
  readonly isShared?: boolean;
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
  readonly #isShared: boolean;
  readonly #onSend: (() => void) | undefined;
  #requests = 0;
  /** Resolves when the request before has been answered. */
  #turn: Promise<void> = Promise.resolve();

  constructor({ baseUrl, version, clock, isShared = false, onSend }: TransportOptions) {
    const logger = log("github");
    const quiet = (message: string) => logger.debug("{message}", { message });
    const octokitLog = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    this.#octokit = new Octokit({
      baseUrl: baseUrl.replace(/\/+$/, ""),
      userAgent: `runwire/${version}`,
      log: octokitLog,
      request: { log: octokitLog },
    });
    this.#clock = clock;
    this.#isShared = isShared;
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
    options: { readonly signal: AbortSignal; readonly hook?: Hook },
  ): Promise<Answer> {
    if (this.#isShared) return await this.#sendNow(endpoint, options);
    const before = this.#turn;
    const turn = Promise.withResolvers<void>();
    this.#turn = turn.promise;
    await before;
    try {
      return await this.#sendNow(endpoint, options);
    } finally {
      turn.resolve();
    }
  }

  async #sendNow(
    endpoint: EndpointOptions,
    { signal, hook }: { readonly signal: AbortSignal; readonly hook?: Hook },
  ): Promise<Answer> {
    const to = `${endpoint.method} ${this.url(endpoint).pathname}`;
    this.#onSend?.();
    signal.throwIfAborted();
    this.#requests++;
    const answer = await withinLimit(to, { clock: this.#clock, signal }, (signal) => {
      return this.#answer({ ...endpoint, request: { signal } }, hook);
    });
    return { to, at: this.#clock.now(), ...answer };
  }

  async #answer(endpoint: EndpointOptions, hook: Hook | undefined) {
    const { request } = this.#octokit;
    try {
      const { status, headers, data } = await (hook ? hook(request, endpoint) : request(endpoint));
      return { status, headers, body: data };
    } catch (error) {
      if (!(error instanceof RequestError) || !error.response) throw error;
      const { status, headers, data } = error.response;
      return { status, headers, body: data };
    }
  }
}
