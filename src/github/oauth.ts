import { z } from "zod";
import type { OAuthProvider } from "../account/oauth_provider.ts";
import type { Profile, UserTokens } from "../account/user.ts";
import { GitHubError } from "../errors.ts";
import { parseNextLink } from "./client.ts";
import { assertOk } from "./error.ts";
import { ResponseCache } from "./response_cache.ts";
import { TokenEndpoint, type TokenEndpointOptions } from "./token_endpoint.ts";
import { Transport } from "./transport.ts";
import { UserClient } from "./user_client.ts";

/**
 * The scopes of an OAuth app. `repo` is the narrowest scope for private repositories; it also allows writing, which Runwire
 * never does with a user's token. `read:org` is required for hidden organization memberships. For a GitHub App, GitHub ignores
 * the scopes and uses the permissions of the App.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
 */
const SCOPES = "read:org repo";

/** GitHub's maximum. */
const PAGE_SIZE = 100;
/** Limits a list that never ends to 1,000 organizations. */
const MAX_PAGES = 10;

/** https://docs.github.com/en/rest/users/users#get-the-authenticated-user */
const userSchema = z.object({
  id: z.int(),
  login: z.string().min(1),
  name: z.string().nullish(),
  avatar_url: z.string().nullish(),
}).transform(({ id, login, name, avatar_url }): Profile => ({
  id,
  login,
  name: name ?? null,
  avatarUrl: avatar_url ?? null,
}));

/** https://docs.github.com/en/rest/orgs/members#list-organization-memberships-for-the-authenticated-user */
const membershipsSchema = z.array(z.object({
  state: z.string(),
  organization: z.object({ login: z.string() }),
}));

interface GitHubOAuthOptions extends TokenEndpointOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3` of a GitHub Enterprise Server. */
  readonly apiUrl: string;
}

/** Signs users in by GitHub's web application flow, with PKCE. */
export class GitHubOAuth implements OAuthProvider {
  readonly #options: GitHubOAuthOptions;
  readonly #tokenEndpoint: TokenEndpoint;
  readonly #client: UserClient;
  readonly #transport: Transport;
  readonly #profile = new ResponseCache<Profile>(userSchema);
  readonly #memberships = new ResponseCache(membershipsSchema);

  constructor(options: GitHubOAuthOptions) {
    const { apiUrl, version, clock } = options;
    this.#options = options;
    this.#tokenEndpoint = new TokenEndpoint(options);
    this.#client = new UserClient({ baseUrl: apiUrl, version, clock });
    this.#transport = new Transport({ baseUrl: apiUrl, version, clock, isConcurrent: true });
  }

  authorizationUrl({ state, challenge, redirectUri }: {
    readonly state: string;
    readonly challenge: string;
    readonly redirectUri: string;
  }): string {
    const url = new URL(this.#tokenEndpoint.authorizationEndpoint);
    url.search = new URLSearchParams({
      client_id: this.#options.clientId,
      redirect_uri: redirectUri,
      scope: SCOPES,
      state,
      code_challenge: challenge,
      code_challenge_method: "S256",
    }).toString();
    return url.href;
  }

  exchangeCode(
    grant: { readonly code: string; readonly verifier: string; readonly redirectUri: string },
    signal: AbortSignal,
  ): Promise<UserTokens> {
    return this.#tokenEndpoint.exchangeCode(grant, signal);
  }

  refresh(refreshToken: string, signal: AbortSignal): Promise<UserTokens> {
    return this.#tokenEndpoint.refresh(refreshToken, signal);
  }

  /** https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-token */
  async revoke(accessToken: string, signal: AbortSignal): Promise<void> {
    const { clientId, clientSecret } = this.#options;
    const response = await this.#transport.send({
      method: "DELETE",
      url: "/applications/{client_id}/token",
      client_id: clientId,
      access_token: accessToken,
      headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
    }, { signal });
    // A token of another app (404), or an invalid one (422).
    if (response.status !== 404 && response.status !== 422) assertOk(response);
  }

  async fetchProfile(accessToken: string, signal: AbortSignal): Promise<Profile> {
    const request = { method: "GET", url: "/user", accessToken } as const;
    return this.#profile.parse(await this.#client.send(request, signal));
  }

  /**
   * Includes, for a GitHub App, the organizations that have installed it with the organization permission "Members" (read); for
   * an OAuth app, the organizations that have not restricted it.
   */
  async listOrganizations(accessToken: string, signal: AbortSignal): Promise<readonly string[]> {
    const logins: string[] = [];
    let url: string | undefined = "/user/memberships/orgs";
    for (let page = 0; url !== undefined && page < MAX_PAGES; page++) {
      const parameters: Record<string, unknown> = page === 0
        ? { state: "active", per_page: PAGE_SIZE }
        : {};
      const request = { method: "GET", url, accessToken, parameters } as const;
      const response = await this.#client.send(request, signal).catch(explainForbidden);
      const memberships = this.#memberships.parse(response).filter(({ state }) =>
        state === "active"
      );
      logins.push(...memberships.map(({ organization }) => organization.login));
      url = this.#toSameOriginUrl(parseNextLink(response));
    }
    return logins;
  }

  /** The user's token must not be sent to another host. */
  #toSameOriginUrl(next: string | undefined): string | undefined {
    if (next === undefined) return undefined;
    const { origin } = new URL(this.#options.apiUrl);
    if (new URL(next).origin === origin) return next;
    const message = `The next page of organizations is not on ${origin}`;
    throw new GitHubError({ kind: "unavailable" }, message);
  }
}

/** Adds the missing setting of the app to a 403 or 404. */
function explainForbidden(error: unknown): never {
  if (!(error instanceof GitHubError) || error.failure.kind !== "not_accessible") throw error;
  const message = `${error.message} (an OAuth app needs the scope read:org, a GitHub App the ` +
    `organization permission "Members", read)`;
  throw new GitHubError({ kind: "unauthorized" }, message, { cause: error });
}
