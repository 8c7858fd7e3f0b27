import { TokenRejectedError } from "../account/oauth_provider.ts";
import { GitHubError } from "../errors.ts";
import { assertOk } from "./error.ts";
import { type GitHubResponse, Transport, type TransportOptions } from "./transport.ts";

export type UserClientOptions = Omit<TransportOptions, "isShared">;

/** A request with a user's own token. */
export interface UserRequest {
  readonly method: "GET" | "POST";
  /** A template, or an address of the API's own. */
  readonly url: string;
  readonly accessToken: string;
  /** Fills the template; what that does not name becomes the query (GET) or the JSON body. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/**
 * Requests with the tokens of users, each counted against that user's own limit. Whoever asks for a user asks for one
 * thing at a time; users do not wait for each other.
 */
export class UserClient {
  readonly #transport: Transport;

  constructor(options: UserClientOptions) {
    this.#transport = new Transport({ ...options, isConcurrent: true });
  }

  /**
   * The answer of GitHub (2xx).
   * @throws {TokenRejectedError} when the token is not accepted (any more), or its user is suspended
   * @throws {GitHubError} when GitHub refuses for another reason, or does not answer in time
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

/** A suspended user is told so with 403 on everything. */
function isTokenRejected({ failure }: GitHubError, { status, body }: GitHubResponse): boolean {
  if (failure.kind === "unauthorized") return true;
  const isObject = typeof body === "object" && body !== null;
  const isSuspended = isObject && "message" in body && /suspended/i.test(String(body.message));
  return status === 403 && isSuspended;
}
