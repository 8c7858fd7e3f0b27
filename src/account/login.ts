import { createHash } from "node:crypto";
import { invalidValue } from "../error_text.ts";
import { GitHubError } from "../errors.ts";
import { generateToken, type RandomBytes, sha256Hex } from "./crypto.ts";
import { LOGIN_STATE_TTL_MS, type LoginState, type LoginStateCookie } from "./login_state.ts";
import { type OAuthProvider, TokenRejectedError } from "./oauth_provider.ts";
import type { Session, SessionStore } from "./session.ts";
import {
  initialRole,
  isAllowedMember,
  requiresMembership,
  type SignInPolicy,
} from "./sign_in_policy.ts";
import type { TokenManager } from "./token_manager.ts";
import type { Profile, User, UserStore, UserTokens } from "./user.ts";

export type LoginErrorCode =
  /** The browser started no login, or another one, or more than 10 minutes ago. */
  | "login_expired"
  /** The return path is not a local path. */
  | "return_path_invalid"
  /** The user did not authorize Runwire on GitHub. */
  | "login_denied"
  /** GitHub issued no token. */
  | "login_refused"
  /** The user is not a member of an allowed organization. */
  | "organization_required";

/** A failed login. The message is shown to the user and holds no secret. */
export class LoginError extends Error {
  override readonly name = "LoginError";

  constructor(readonly code: LoginErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

interface LoginOptions {
  readonly provider: OAuthProvider;
  readonly users: Pick<UserStore, "saveSignIn">;
  readonly sessions: Pick<SessionStore, "create" | "end" | "endAll">;
  readonly tokens: Pick<TokenManager, "revoke">;
  readonly stateCookie: LoginStateCookie;
  readonly policy: SignInPolicy;
  readonly random: RandomBytes;
  /** The absolute callback URL, known once the server listens. */
  readonly redirectUri: () => string;
}

/** The unverified values of a callback request. */
export interface OAuthCallback {
  /** The value of the cookie from `begin`. */
  readonly cookie: string | undefined;
  readonly state: string | undefined;
  readonly code: string | undefined;
  /** `access_denied` if the user did not authorize Runwire. */
  readonly error: string | undefined;
  /** The token of the browser's previous session. */
  readonly session: string | undefined;
}

/** Signs users in with GitHub, and out. */
export class Login {
  readonly #options: LoginOptions;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /**
   * Returns the URL to redirect the browser to, and a cookie to set for `maxAge` seconds.
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
        invalidValue("return_to", returnTo, "a local path, such as /"),
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
   * Creates a new session, which replaces the browser's previous one. `sessionToken` is the value of its cookie.
   * @throws {LoginError}
   * @throws {GitHubError} when GitHub is unavailable
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
    const user = await users.saveSignIn({ profile, tokens, role });
    if (callback.session !== undefined) await this.#endPreviousSession(callback.session, user);
    const sessionToken = generateToken(random);
    await sessions.create({ id: sha256Hex(sessionToken), userId: user.id });
    return { sessionToken, user, returnTo };
  }

  /** Ends one session or all sessions of its user. Revokes the user's token with the last session. */
  async signOut(
    { id, user }: Session,
    { isEverywhere }: { readonly isEverywhere: boolean },
  ): Promise<void> {
    if (isEverywhere) return await this.endSessions(user.id);
    const ended = await this.#options.sessions.end(id);
    if (ended?.remaining === 0) await this.#options.tokens.revoke(user.id);
  }

  /** Ends all sessions of a user and revokes the user's token. */
  async endSessions(userId: number): Promise<void> {
    await this.#options.sessions.endAll(userId);
    await this.#options.tokens.revoke(userId);
  }

  /** The previous session may belong to another user. */
  async #endPreviousSession(token: string, { id }: User): Promise<void> {
    const ended = await this.#options.sessions.end(sha256Hex(token));
    if (ended?.remaining === 0 && ended.userId !== id) {
      await this.#options.tokens.revoke(ended.userId);
    }
  }

  async #verifyState({ cookie, state }: OAuthCallback): Promise<LoginState> {
    const started = cookie === undefined
      ? undefined
      : await this.#options.stateCookie.verify(cookie);
    if (started && state !== undefined && sha256Hex(state) === sha256Hex(started.state)) {
      return started;
    }
    throw new LoginError(
      "login_expired",
      "Sign-in expired or was started in another browser; try again",
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
          "Sign-in was cancelled: you did not authorize Runwire on GitHub",
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

  /** Revokes the token of a user who is not allowed to sign in. */
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
      "You are not a member of an allowed organization",
    );
  }
}

function toLoginError(cause?: TokenRejectedError): LoginError {
  return new LoginError("login_refused", "GitHub did not confirm the sign-in; try again", {
    cause,
  });
}

const MAX_PATH_LENGTH = 2_000;
/** Browsers drop these from URLs, or read them as a slash: https://url.spec.whatwg.org/#concept-basic-url-parser */
// deno-lint-ignore no-control-regex -- matches control characters
const UNSAFE_CHARACTERS = /[\u0000-\u0020\u007f\\]/;
const BASE_ORIGIN = "http://own.invalid";

/** Whether a redirect to `path` stays on this server. */
export function isLocalPath(path: string): boolean {
  if (path.length > MAX_PATH_LENGTH || !path.startsWith("/") || UNSAFE_CHARACTERS.test(path)) {
    return false;
  }
  return URL.parse(path, BASE_ORIGIN)?.origin === BASE_ORIGIN;
}
