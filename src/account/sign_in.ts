import { createHash } from "node:crypto";
import { RefusedError } from "../errors.ts";
import { type Admission, asksOrganisations, belongs, roleOfNewcomer } from "./admission.ts";
import { LoginError } from "./login_error.ts";
import { type LoginProvider, LoginRefusedError, type UserTokens } from "./login.ts";
import { LOGIN_STATE_MS, type LoginState, type LoginStates } from "./login_state.ts";
import { isOwnPath } from "./return_path.ts";
import { hashOf, newToken, type RandomBytes } from "./secret.ts";
import type { Session, SessionStore } from "./session.ts";
import type { TokenKeeper } from "./token_keeper.ts";
import type { Profile, User, UserStore } from "./user.ts";

export interface LoginOptions {
  readonly provider: LoginProvider;
  readonly users: Pick<UserStore, "signIn">;
  readonly sessions: Pick<SessionStore, "create" | "end" | "endAll">;
  readonly tokens: Pick<TokenKeeper, "letGo">;
  readonly states: LoginStates;
  readonly admission: Admission;
  readonly random: RandomBytes;
  /** Where GitHub sends browsers back to: an absolute URL; known once we listen. */
  readonly redirectUri: () => string;
}

/** What GitHub and the browser bring back, each as it came. */
export interface Callback {
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
    const { provider, states, random, redirectUri } = this.#options;
    if (!isOwnPath(returnTo)) {
      throw new LoginError(
        "return_path_invalid",
        "Cannot come back there after the login: allowed is a path of ours, such as /",
      );
    }
    const state: LoginState = { state: newToken(random), verifier: newToken(random), returnTo };
    const url = provider.authorizationUrl({
      state: state.state,
      challenge: createHash("sha256").update(state.verifier).digest("base64url"),
      redirectUri: redirectUri(),
    });
    return { url, cookie: { value: await states.write(state), maxAge: LOGIN_STATE_MS / 1_000 } };
  }

  /**
   * Makes a session of its own for the browser, whatever it had before. `sessionToken` is for its cookie.
   * @throws {LoginError}
   * @throws {RefusedError} when GitHub cannot be asked now
   * @throws {StorageError}
   */
  async finish(callback: Callback, signal: AbortSignal): Promise<{
    readonly sessionToken: string;
    readonly user: User;
    readonly returnTo: string;
  }> {
    const { users, sessions, random, admission } = this.#options;
    const { verifier, returnTo } = await this.#ownLogin(callback);
    const { profile, tokens } = await this.#profileOf(callback, { verifier, signal });
    const role = roleOfNewcomer(profile.login, admission);
    const user = await users.signIn({ profile, tokens, role });
    if (callback.session !== undefined) await this.#endBefore(callback.session, user);
    const sessionToken = newToken(random);
    await sessions.create({ id: hashOf(sessionToken), userId: user.id });
    return { sessionToken, user, returnTo };
  }

  /** Ends this session, or all of its user; with the last one goes the user's token. */
  async signOut(
    { id, user }: Session,
    { isEverywhere }: { readonly isEverywhere: boolean },
  ): Promise<void> {
    if (isEverywhere) return await this.endSessions(user.id);
    const ended = await this.#options.sessions.end(id);
    if (ended?.left === 0) await this.#options.tokens.letGo(user.id);
  }

  /** Signs a user out everywhere. */
  async endSessions(userId: number): Promise<void> {
    await this.#options.sessions.endAll(userId);
    await this.#options.tokens.letGo(userId);
  }

  /** The session that the browser had, perhaps as somebody else. */
  async #endBefore(token: string, { id }: User): Promise<void> {
    const ended = await this.#options.sessions.end(hashOf(token));
    if (ended?.left === 0 && ended.userId !== id) await this.#options.tokens.letGo(ended.userId);
  }

  /** The login that this browser has begun. */
  async #ownLogin({ cookie, state }: Callback): Promise<LoginState> {
    const begun = cookie === undefined ? undefined : await this.#options.states.read(cookie);
    if (begun && state !== undefined && hashOf(state) === hashOf(begun.state)) return begun;
    throw new LoginError(
      "login_expired",
      "Cannot sign in: this browser has begun no such login, or more than 10 minutes ago; try again",
    );
  }

  async #profileOf(
    { code, error }: Callback,
    { verifier, signal }: { readonly verifier: string; readonly signal: AbortSignal },
  ): Promise<{ readonly profile: Profile; readonly tokens: UserTokens }> {
    const { provider, redirectUri } = this.#options;
    if (code === undefined) {
      throw error === "access_denied"
        ? new LoginError(
          "login_denied",
          "Cannot sign in: GitHub was not allowed to tell who you are",
        )
        : refused();
    }
    try {
      const grant = { code, verifier, redirectUri: redirectUri() };
      const tokens = await provider.exchange(grant, signal);
      const profile = await provider.profile(tokens.accessToken, signal);
      await this.#admit(profile, tokens, signal);
      return { profile, tokens };
    } catch (error) {
      throw error instanceof LoginRefusedError ? refused(error) : error;
    }
  }

  /** Who is not let in leaves no token with us, nor with GitHub. */
  async #admit({ login }: Profile, tokens: UserTokens, signal: AbortSignal): Promise<void> {
    const { provider, admission } = this.#options;
    if (!asksOrganisations(login, admission)) return;
    if (belongs(await provider.organisations(tokens.accessToken, signal), admission)) return;
    try {
      await provider.revoke(tokens.accessToken, signal);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
    }
    throw new LoginError(
      "organisation_required",
      "Cannot sign in: you are in none of the organisations that may use this Runwire",
    );
  }
}

function refused(cause?: LoginRefusedError): LoginError {
  return new LoginError("login_refused", "Cannot sign in: GitHub did not confirm it; try again", {
    cause,
  });
}
