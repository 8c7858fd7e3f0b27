import manifest from "../../deno.json" with { type: "json" };
import { AccessCache } from "../account/access_cache.ts";
import { AccountAuthenticator } from "../account/authenticator.ts";
import { systemRandomBytes } from "../account/crypto.ts";
import { Login } from "../account/login.ts";
import { LoginStateCookie } from "../account/login_state.ts";
import { Membership } from "../account/membership.ts";
import { ExpiredSessionCleanup } from "../account/session_cleanup.ts";
import { TokenManager } from "../account/token_manager.ts";
import type { Clock } from "../clock.ts";
import type { Config, LoginConfig } from "../config.ts";
import { GitHubAccess } from "../github/access.ts";
import { GitHubOAuth } from "../github/oauth.ts";
import type { Api } from "../http/api.ts";
import { toCookieNames } from "../http/cookie.ts";
import type { OriginPolicy } from "../http/origin.ts";
import type { RateLimitOptions } from "../http/rate_limit.ts";
import { apiKeyRoutes } from "../http/routes/api_key.ts";
import { loginRoutes } from "../http/routes/login.ts";
import { meRoutes } from "../http/routes/me.ts";
import { ticketRoutes } from "../http/routes/ticket.ts";
import { userRoutes } from "../http/routes/user.ts";
import type { Service } from "../service.ts";
import type { Stores } from "./stores.ts";

type AccountStores = Pick<Stores, "users" | "sessions" | "apiKeys" | "tickets" | "access">;

interface AccountsOptions {
  readonly config: Config;
  readonly stores: AccountStores;
  readonly origins: OriginPolicy;
  readonly loginRateLimit: RateLimitOptions;
  /** The URL of the server, for example `http://127.0.0.1:8080`; called only while it listens. */
  readonly listenUrl: () => string;
  readonly clock: Clock;
  /** Cancels requests to GitHub. */
  readonly signal: AbortSignal;
}

/** Users, sessions, API keys and tickets. */
export interface Accounts {
  readonly authenticator: AccountAuthenticator;
  readonly routes: readonly Api[];
  readonly sessionCleanup: Service;
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { config, stores, origins, loginRateLimit, clock, signal } = options;
  const { users, sessions, apiKeys, tickets } = stores;
  const { publicUrl } = config.server;
  const random = systemRandomBytes;
  const oauth = config.login && createLogin(options, config.login);
  return {
    authenticator: new AccountAuthenticator({
      keys: apiKeys,
      tickets,
      clock,
      login: oauth && { sessions, access: oauth.access, membership: oauth.membership },
    }),
    routes: [
      loginRoutes({
        login: oauth?.login,
        sessions,
        cookies: toCookieNames(publicUrl),
        origins,
        publicUrl,
        rateLimitOptions: loginRateLimit,
        clock,
        signal,
      }),
      meRoutes(),
      userRoutes({
        users,
        signOut: async (id) => {
          if (oauth) await oauth.login.endSessions(id);
          else await sessions.endAll(id);
        },
      }),
      apiKeyRoutes({ keys: apiKeys, clock, random }),
      ticketRoutes({ tickets, clock, random }),
    ],
    sessionCleanup: new ExpiredSessionCleanup({
      sessions,
      tickets,
      login: oauth && { users, tokens: oauth.tokens },
      clock,
    }),
  };
}

/** Login with GitHub, if it is configured. */
function createLogin(options: AccountsOptions, loginConfig: LoginConfig) {
  const { config, stores: { users, sessions, access }, listenUrl, clock, signal } = options;
  const { clientId, clientSecret, sessionSecret, policy } = loginConfig;
  const { apiUrl, webUrl } = config.github;
  const { version } = manifest;
  const provider = new GitHubOAuth({ clientId, clientSecret, webUrl, apiUrl, version, clock });
  const tokens = new TokenManager({ users, sessions, provider, clock, signal });
  const source = new GitHubAccess({ baseUrl: apiUrl, version, clock });
  const baseUrl = () => (config.server.publicUrl ?? listenUrl()).replace(/\/$/, "");
  return {
    tokens,
    login: new Login({
      provider,
      users,
      sessions,
      tokens,
      stateCookie: new LoginStateCookie(sessionSecret, clock),
      policy,
      random: systemRandomBytes,
      redirectUri: () => `${baseUrl()}/login/callback`,
    }),
    access: new AccessCache({ store: access, source, tokens, clock }),
    membership: new Membership({ policy, provider, tokens, users, sessions, clock }),
  };
}
