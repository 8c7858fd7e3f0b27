import * as oauth from "oauth4webapi";
import { z } from "zod";
import { TokenRejectedError } from "../account/oauth_provider.ts";
import type { UserTokens } from "../account/user.ts";
import type { Clock } from "../clock.ts";
import { GitHubError, toErrorMessage } from "../errors.ts";
import { assertOk } from "./error.ts";
import { withRequestTimeout } from "./request_timeout.ts";
import type { GitHubResponse } from "./transport.ts";

export interface TokenEndpointOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** `https://github.com`, or `https://HOST` of a GitHub Enterprise Server. */
  readonly webUrl: string;
  /** Runwire's own version, for the user agent. */
  readonly version: string;
  readonly clock: Clock;
}

/**
 * What the user has to sign in anew for. The last but one comes of an address that the user has not confirmed.
 * https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
 */
const USER_ERRORS = [
  "bad_verification_code",
  "bad_refresh_token",
  "unverified_user_email",
  "access_denied",
];

/** What an operator has to set right, here or in the settings of the app. */
const APP_ERRORS = [
  "incorrect_client_credentials",
  "redirect_uri_mismatch",
  "application_suspended",
  "unsupported_grant_type",
];

/** GitHub answers 200 to a request that it refuses, and says so in the body. */
const tokenErrorSchema = z.object({ error: z.string().regex(/^\w{1,100}$/) });

/** Beside what the library checks: a GitHub App's. */
const refreshTokenSchema = z.object({ refresh_token_expires_in: z.number().positive().optional() });

type SendGrant = (options: oauth.TokenEndpointRequestOptions) => Promise<Response>;
type ParseGrant = (response: Response) => Promise<oauth.TokenEndpointResponse>;

/** Where codes and refresh tokens become access tokens: RFC 6749, as GitHub has it. */
export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;
  readonly #server: oauth.AuthorizationServer;
  readonly #client: oauth.Client;
  readonly #clientAuth: oauth.ClientAuth;

  constructor(options: TokenEndpointOptions) {
    const { clientId, clientSecret, webUrl } = options;
    const base = webUrl.replace(/\/+$/, "");
    this.#options = options;
    this.#server = {
      issuer: base,
      authorization_endpoint: `${base}/login/oauth/authorize`,
      token_endpoint: `${base}/login/oauth/access_token`,
    };
    this.#client = { client_id: clientId };
    this.#clientAuth = oauth.ClientSecretPost(clientSecret);
  }

  get authorizationEndpoint(): string {
    return this.#server.authorization_endpoint ?? "";
  }

  /**
   * @throws {TokenRejectedError} when the code is wrong, was used or has expired, or belongs to another verifier
   * @throws {GitHubError} when GitHub cannot be asked, or does not accept our client
   */
  exchangeCode(
    { code, verifier, redirectUri }: {
      readonly code: string;
      readonly verifier: string;
      readonly redirectUri: string;
    },
    signal: AbortSignal,
  ): Promise<UserTokens> {
    // The state has been checked where the browser came back: here there is the code alone.
    const callback = oauth.validateAuthResponse(
      this.#server,
      this.#client,
      new URLSearchParams({ code }),
      oauth.expectNoState,
    );
    return this.#requestTokens(
      signal,
      (options) =>
        oauth.authorizationCodeGrantRequest(
          this.#server,
          this.#client,
          this.#clientAuth,
          callback,
          redirectUri,
          verifier,
          options,
        ),
      (response) => oauth.processAuthorizationCodeResponse(this.#server, this.#client, response),
    );
  }

  /**
   * @throws {TokenRejectedError} when the refresh token was used, has expired or was revoked
   * @throws {GitHubError} as `exchange` does
   */
  refresh(refreshToken: string, signal: AbortSignal): Promise<UserTokens> {
    return this.#requestTokens(
      signal,
      (options) =>
        oauth.refreshTokenGrantRequest(
          this.#server,
          this.#client,
          this.#clientAuth,
          refreshToken,
          options,
        ),
      (response) => oauth.processRefreshTokenResponse(this.#server, this.#client, response),
    );
  }

  async #requestTokens(
    signal: AbortSignal,
    sendGrant: SendGrant,
    parseGrant: ParseGrant,
  ): Promise<UserTokens> {
    const response = await this.#send(signal, sendGrant);
    const tokenError = tokenErrorSchema.safeParse(response.body);
    if (tokenError.success) throw toTokenError(tokenError.data.error);
    assertOk(response);
    try {
      const { access_token, expires_in, refresh_token } = await parseGrant(toResponse(response));
      const { refresh_token_expires_in } = refreshTokenSchema.parse(response.body);
      const toExpiry = (seconds: number | undefined) =>
        seconds === undefined ? undefined : response.receivedAt + seconds * 1_000;
      return {
        accessToken: access_token,
        expiresAt: toExpiry(expires_in),
        refreshToken: refresh_token,
        refreshExpiresAt: refresh_token === undefined
          ? undefined
          : toExpiry(refresh_token_expires_in),
      };
    } catch (error) {
      // Neither quotes what GitHub sent.
      const reason = error instanceof z.ZodError
        ? "refresh_token_expires_in is no number"
        : toErrorMessage(error);
      const message = `GitHub's answer to ${response.endpoint} is not as documented: ${reason}`;
      throw new GitHubError({ kind: "unavailable" }, message);
    }
  }

  async #send(signal: AbortSignal, sendGrant: SendGrant): Promise<GitHubResponse> {
    const { clock, version, webUrl } = this.#options;
    const endpoint = "POST /login/oauth/access_token";
    const { status, headers, text } = await withRequestTimeout(
      endpoint,
      { clock, signal },
      async (signal) => {
        const response = await sendGrant({
          signal,
          headers: { "user-agent": `runwire/${version}` },
          // A GitHub Enterprise Server in a closed network, and the simulated one.
          [oauth.allowInsecureRequests]: webUrl.startsWith("http:"),
        });
        return { status: response.status, headers: response.headers, text: await response.text() };
      },
    );
    return {
      endpoint,
      status,
      headers: Object.fromEntries(headers),
      body: parseJson(text),
      receivedAt: clock.now(),
    };
  }
}

/** How we take GitHub's word for why there is no token. */
function toTokenError(error: string): Error {
  const message = `GitHub gives no token: ${error}`;
  if (USER_ERRORS.includes(error)) return new TokenRejectedError(message);
  const kind = APP_ERRORS.includes(error) ? "unauthorized" : "unavailable";
  return new GitHubError({ kind }, message);
}

function toResponse({ status, headers, body }: GitHubResponse): Response {
  const type = String(headers["content-type"] ?? "");
  return new Response(JSON.stringify(body), { status, headers: { "content-type": type } });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
