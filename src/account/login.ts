import { createHash } from "node:crypto";
import { GitHubError } from "../errors.ts";
import {
  initialRole,
  isAllowedMember,
  requiresMembership,
  type SignInPolicy,
} from "./sign_in_policy.ts";
import { LoginError } from "./login_error.ts";
import { type OAuthProvider, TokenRejectedError, type UserTokens } from "./oauth_provider.ts";
import { LOGIN_STATE_TTL_MS, type LoginState, type LoginStateCookie } from "./login_state.ts";
import { isLocalPath } from "./return_path.ts";
import { generateToken, type RandomBytes, sha256Hex } from "./secret.ts";
import type { Session, SessionStore } from "./session.ts";
import type { TokenManager } from "./token_manager.ts";
import type { Profile, User, UserStore } from "./user.ts";

export interface LoginOptions {
  readonly provider: OAuthProvider;
  readonly users: Pick<UserStore, "signIn">;
  readonly sessions: Pick<SessionStore, "create" | "end" | "endAll">;
  readonly tokens: Pick<TokenManager, "revoke">;
  readonly stateCookie: LoginStateCookie;
  readonly policy: SignInPolicy;
  readonly random: RandomBytes;
  /** Where GitHub sends browsers back to: an absolute URL; known once we listen. */
  readonly redirectUri: () => string;
}

/** What GitHub and the browser bring back, each as it came. */
export interface OAuthCallback {
  /** The value of the cookie that `begin` made. */
  readonly cookie: string | undefined;
  readonly state: string | undefined;
  readonly code: string | undefined;
  /** `access_denied` when the user has said no. */
  readonly error: string | undefined;
  /** The token of the session that the browser had until now. */
  readonly session: string | undefined;
}

/** Signs users in by GitHub, and out. */
export class Login {
  readonly #options: LoginOptions;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /**
   * Where to send the browser, and the value of the cookie that it keeps meanwhile, for `maxAge` seconds.
   * @throws {LoginError} `return_path_invalid`
   */
  async begin(returnTo = "/"): Promise<{
    readonly url: string;
    readonly cookie: { readonly value: string; readonly maxAge: number };
  }> {
    const { provider, stateCookie, random, redirectUri } = this.#options;
    if (!isLocalPath(returnTo)) {
      throw new LoginError(
        "return_path_invalid",
        "Cannot come back there after the login: allowed is a path of ours, such as /",
      );
    }
    const state: LoginState = {
      state: generateToken(random),
      verifier: generateToken(random),
      returnTo,
    };
    const url = provider.authorizationUrl({
      state: state.state,
      challenge: createHash("sha256").update(state.verifier).digest("base64url"),
      redirectUri: redirectUri(),
    });
    return {
      url,
      cookie: { value: await stateCookie.sign(state), maxAge: LOGIN_STATE_TTL_MS / 1_000 },
    };
  }

  /**
   * Makes a session of its own for the browser, whatever it had before. `sessionToken` is for its cookie.
   * @throws {LoginError}
   * @throws {GitHubError} when GitHub cannot be asked now
   * @throws {StorageError}
   */
  async finish(callback: OAuthCallback, signal: AbortSignal): Promise<{
    readonly sessionToken: string;
    readonly user: User;
    readonly returnTo: string;
  }> {
    const { users, sessions, random, policy } = this.#options;
    const { verifier, returnTo } = await this.#verifyState(callback);
    const { profile, tokens } = await this.#fetchProfile(callback, { verifier, signal });
    const role = initialRole(profile.login, policy);
    const user = await users.signIn({ profile, tokens, role });
    if (callback.session !== undefined) await this.#endPreviousSession(callback.session, user);
    const sessionToken = generateToken(random);
    await sessions.create({ id: sha256Hex(sessionToken), userId: user.id });
    return { sessionToken, user, returnTo };
  }

  /** Ends this session, or all of its user; with the last one goes the user's token. */
  async signOut(
    { id, user }: Session,
    { isEverywhere }: { readonly isEverywhere: boolean },
  ): Promise<void> {
    if (isEverywhere) return await this.endSessions(user.id);
    const ended = await this.#options.sessions.end(id);
    if (ended?.remaining === 0) await this.#options.tokens.revoke(user.id);
  }

  /** Signs a user out everywhere. */
  async endSessions(userId: number): Promise<void> {
    await this.#options.sessions.endAll(userId);
    await this.#options.tokens.revoke(userId);
  }

  /** The session that the browser had, perhaps as somebody else. */
  async #endPreviousSession(token: string, { id }: User): Promise<void> {
    const ended = await this.#options.sessions.end(sha256Hex(token));
    if (ended?.remaining === 0 && ended.userId !== id) {
      await this.#options.tokens.revoke(ended.userId);
    }
  }

  /** The login that this browser has begun. */
  async #verifyState({ cookie, state }: OAuthCallback): Promise<LoginState> {
    const started = cookie === undefined
      ? undefined
      : await this.#options.stateCookie.verify(cookie);
    if (started && state !== undefined && sha256Hex(state) === sha256Hex(started.state)) {
      return started;
    }
    throw new LoginError(
      "login_expired",
      "Cannot sign in: this browser has begun no such login, or more than 10 minutes ago; try again",
    );
  }

  async #fetchProfile(
    { code, error }: OAuthCallback,
    { verifier, signal }: { readonly verifier: string; readonly signal: AbortSignal },
  ): Promise<{ readonly profile: Profile; readonly tokens: UserTokens }> {
    const { provider, redirectUri } = this.#options;
    if (code === undefined) {
      throw error === "access_denied"
        ? new LoginError(
          "login_denied",
          "Cannot sign in: GitHub was not allowed to tell who you are",
        )
        : toLoginError();
    }
    try {
      const grant = { code, verifier, redirectUri: redirectUri() };
      const tokens = await provider.exchangeCode(grant, signal);
      const profile = await provider.fetchProfile(tokens.accessToken, signal);
      await this.#checkPolicy(profile, tokens, signal);
      return { profile, tokens };
    } catch (error) {
      throw error instanceof TokenRejectedError ? toLoginError(error) : error;
    }
  }

  /** Who is not let in leaves no token with us, nor with GitHub. */
  async #checkPolicy({ login }: Profile, tokens: UserTokens, signal: AbortSignal): Promise<void> {
    const { provider, policy } = this.#options;
    if (!requiresMembership(login, policy)) return;
    if (isAllowedMember(await provider.listOrganizations(tokens.accessToken, signal), policy)) {
      return;
    }
    try {
      await provider.revoke(tokens.accessToken, signal);
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
    }
    throw new LoginError(
      "organization_required",
      "Cannot sign in: you are in none of the organizations that may use this Runwire",
    );
  }
}

function toLoginError(cause?: TokenRejectedError): LoginError {
  return new LoginError("login_refused", "Cannot sign in: GitHub did not confirm it; try again", {
    cause,
  });
}
