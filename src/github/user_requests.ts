import { TokenRejectedError } from "../account/oauth_provider.ts";
import { RefusedError } from "../errors.ts";
import { assertAccepted } from "./refusal.ts";
import { type Answer, Transport, type TransportOptions } from "./transport.ts";

export type UserRequestsOptions = Omit<TransportOptions, "isShared">;

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
export class UserRequests {
  readonly #transport: Transport;

  constructor(options: UserRequestsOptions) {
    this.#transport = new Transport({ ...options, isShared: true });
  }

  /**
   * The answer of GitHub (2xx).
   * @throws {TokenRejectedError} when the token is not accepted (any more), or its user is suspended
   * @throws {RefusedError} when GitHub refuses for another reason, or does not answer in time
   */
  async send(
    { method, url, accessToken, parameters }: UserRequest,
    signal: AbortSignal,
  ): Promise<Answer> {
    const headers = { authorization: `Bearer ${accessToken}` };
    const answer = await this.#transport.send({ ...parameters, method, url, headers }, { signal });
    try {
      assertAccepted(answer);
    } catch (error) {
      if (!(error instanceof RefusedError) || !isOfToken(error, answer)) throw error;
      throw new TokenRejectedError(error.message, { cause: error });
    }
    return answer;
  }
}

/** A suspended user is told so with 403 on everything. */
function isOfToken({ refusal }: RefusedError, { status, body }: Answer): boolean {
  if (refusal.kind === "unauthorized") return true;
  const isObject = typeof body === "object" && body !== null;
  const isSuspended = isObject && "message" in body && /suspended/i.test(String(body.message));
  return status === 403 && isSuspended;
}
