import { Octokit } from "@octokit/core";
import { RequestError } from "@octokit/request-error";
import type { EndpointOptions, RequestInterface, ResponseHeaders } from "@octokit/types";
import type { Clock } from "../clock.ts";
import { messageOf, RefusedError } from "../errors.ts";
import { log } from "../log.ts";

/**
 * GitHub itself ends a request after 10 s; past that nothing comes but a broken connection.
 * https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
 */
export const REQUEST_LIMIT_MS = 10_000;

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
}

/**
 * One Octokit, and a time limit on what it sends. It names no API version: GitHub then takes 2022-11-28, whose
 * answers we read, and a GitHub Enterprise Server before 3.21 answers 400 to a version it does not know
 * (https://docs.github.com/en/rest/about-the-rest-api/api-versions).
 */
export class Transport {
  readonly #octokit: Octokit;
  readonly #clock: Clock;
  #requests = 0;
  /** Resolves when the request before has been answered. */
  #turn: Promise<void> = Promise.resolve();

  constructor({ baseUrl, version, clock }: TransportOptions) {
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
    signal.throwIfAborted();
    const to = `${endpoint.method} ${this.url(endpoint).pathname}`;
    const stop = new AbortController();
    const ended = new AbortController();
    signal.addEventListener("abort", () => stop.abort(), { signal: ended.signal });
    void this.#clock.sleep(REQUEST_LIMIT_MS, ended.signal).then(() => stop.abort());
    this.#requests++;
    try {
      const request = { ...endpoint, request: { signal: stop.signal } };
      const answer = await this.#answer(request, hook);
      // Octokit takes a body that broke off for an empty one, so success alone says too little.
      if (!stop.signal.aborted) return { to, at: this.#clock.now(), ...answer };
    } catch (error) {
      if (!stop.signal.aborted) {
        throw new RefusedError(
          { kind: "unavailable" },
          `Cannot reach GitHub for ${to}: ${faultOf(error)}`,
        );
      }
    } finally {
      ended.abort();
    }
    signal.throwIfAborted();
    const seconds = REQUEST_LIMIT_MS / 1_000;
    throw new RefusedError(
      { kind: "unavailable" },
      `GitHub did not answer ${to} within ${seconds} s`,
    );
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

/** What fetch says, without the address: its query is nobody's business. */
function faultOf(error: unknown): string {
  return messageOf(error).replaceAll(/ for url \([^)]*\)/g, "");
}
