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
 * Errors that require the user to sign in again. `unverified_user_email`: the user has no verified email address.
 * https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
 */
const USER_ERRORS = [
  "bad_verification_code",
  "bad_refresh_token",
  "unverified_user_email",
  "access_denied",
];

/** Errors in the settings of Runwire or of the app on GitHub. */
const APP_ERRORS = [
  "incorrect_client_credentials",
  "redirect_uri_mismatch",
  "application_suspended",
  "unsupported_grant_type",
];

/** GitHub sends errors with status 200 in the body. */
const tokenErrorSchema = z.object({ error: z.string().regex(/^\w{1,100}$/) });

/** A field of GitHub Apps, which the library does not validate. */
const refreshTokenSchema = z.object({ refresh_token_expires_in: z.number().positive().optional() });

type SendGrant = (options: oauth.TokenEndpointRequestOptions) => Promise<Response>;
type ParseGrant = (response: Response) => Promise<oauth.TokenEndpointResponse>;

/** Exchanges codes and refresh tokens for access tokens: GitHub's variant of RFC 6749. */
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
   * @throws {TokenRejectedError} when the code is invalid, used or expired, or belongs to another verifier
   * @throws {GitHubError} when GitHub is unavailable or rejects the client credentials
   */
  exchangeCode(
    { code, verifier, redirectUri }: {
      readonly code: string;
      readonly verifier: string;
      readonly redirectUri: string;
    },
    signal: AbortSignal,
  ): Promise<UserTokens> {
    // The state is verified in the callback.
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
   * @throws {TokenRejectedError} when the refresh token is used, expired or revoked
   * @throws {GitHubError} as `exchangeCode`
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
      // Neither error quotes the response.
      const reason = error instanceof z.ZodError
        ? "refresh_token_expires_in is not a number"
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
          // For GitHub Enterprise Server in a private network, and for the simulator.
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

function toTokenError(error: string): Error {
  const message = `GitHub issued no token: ${error}`;
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
