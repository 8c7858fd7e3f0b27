import { TokenRejectedError } from "../account/oauth_provider.ts";
import { GitHubError } from "../errors.ts";
import { assertOk } from "./error.ts";
import { type GitHubResponse, Transport, type TransportOptions } from "./transport.ts";

export type UserClientOptions = Omit<TransportOptions, "isConcurrent">;

/** A request with a user's token. */
interface UserRequest {
  readonly method: "GET" | "POST";
  /** A path template, or a URL of the API. */
  readonly url: string;
  readonly accessToken: string;
  /** Values of the template; other parameters become the query (GET) or the JSON body. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/**
 * Sends requests with users' tokens, each counted against the user's rate limit. Callers send one request at a time per user;
 * requests of different users run concurrently.
 */
export class UserClient {
  readonly #transport: Transport;

  constructor(options: UserClientOptions) {
    this.#transport = new Transport({ ...options, isConcurrent: true });
  }

  /**
   * Returns a response with status 2xx.
   * @throws {TokenRejectedError} when GitHub rejects the token, or the user is suspended
   * @throws {GitHubError} for other errors, and after a timeout
   */
  async send(
    { method, url, accessToken, parameters }: UserRequest,
    signal: AbortSignal,
  ): Promise<GitHubResponse> {
    const headers = { authorization: `Bearer ${accessToken}` };
    const response = await this.#transport.send({ ...parameters, method, url, headers }, {
      signal,
    });
    try {
      assertOk(response);
    } catch (error) {
      if (!(error instanceof GitHubError) || !isTokenRejected(error, response)) throw error;
      throw new TokenRejectedError(error.message, { cause: error });
    }
    return response;
  }
}

/** GitHub answers all requests of a suspended user with 403. */
function isTokenRejected({ failure }: GitHubError, { status, body }: GitHubResponse): boolean {
  if (failure.kind === "unauthorized") return true;
  const isObject = typeof body === "object" && body !== null;
  const isSuspended = isObject && "message" in body && /suspended/i.test(String(body.message));
  return status === 403 && isSuspended;
}
