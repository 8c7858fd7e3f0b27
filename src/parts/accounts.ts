import manifest from "../../deno.json" with { type: "json" };
import { AccessCache } from "../account/access_cache.ts";
import { AccountAuthenticator } from "../account/authenticator.ts";
import { AesCipher, systemRandomBytes } from "../account/crypto.ts";
import { LoginStateCookie } from "../account/login_state.ts";
import { Membership } from "../account/membership.ts";
import { Login } from "../account/login.ts";
import { ExpiredSessionCleanup } from "../account/session_cleanup.ts";
import { TokenManager } from "../account/token_manager.ts";
import type { Clock } from "../clock.ts";
import type { Config, LoginConfig } from "../config.ts";
import { GitHubAccess } from "../github/access.ts";
import { GitHubOAuth } from "../github/oauth.ts";
import type { Api } from "../http/api.ts";
import { apiKeyRoutes } from "../http/routes/api_key.ts";
import { toCookieNames } from "../http/cookie.ts";
import { loginRoutes } from "../http/routes/login.ts";
import { meRoutes } from "../http/routes/me.ts";
import type { OriginPolicy } from "../http/origin.ts";
import type { RateLimitOptions } from "../http/rate_limit.ts";
import { ticketRoutes } from "../http/routes/ticket.ts";
import { userRoutes } from "../http/routes/user.ts";
import { SqlAccessStore } from "../sql/account/access.ts";
import { SqlApiKeyStore } from "../sql/account/api_key.ts";
import type { Database } from "../sql/database.ts";
import { SqlSessionStore } from "../sql/account/session.ts";
import { SqlTicketStore } from "../sql/account/ticket.ts";
import { SqlUserStore } from "../sql/account/user.ts";

export interface AccountServicesOptions {
  readonly config: Config;
  readonly database: Database;
  readonly clock: Clock;
  /** Ends what is asked of GitHub. */
  readonly signal: AbortSignal;
  readonly origins: OriginPolicy;
  readonly loginRateLimit: RateLimitOptions;
  /** Where we listen, for example `http://127.0.0.1:8080`; asked for once we do. */
  readonly ownUrl: () => string;
}

export interface AccountServices {
  readonly authenticator: AccountAuthenticator;
  readonly routes: readonly Api[];
  /** To be run. */
  readonly sessionCleanup: ExpiredSessionCleanup;
}

/** The part of App that knows who asks. */
export function createAccountServices(options: AccountServicesOptions): AccountServices {
  const { config, database, clock, signal, origins, loginRateLimit } = options;
  const { publicUrl } = config.server;
  const sessions = new SqlSessionStore(database, clock);
  const keys = new SqlApiKeyStore(database, clock);
  const tickets = new SqlTicketStore(database, clock);
  // Where nobody signs in, no tokens are kept.
  const cipher = new AesCipher(config.login?.sessionSecret ?? "");
  const users = new SqlUserStore({ database, clock, cipher });
  const loginServices = config.login &&
    createLoginServices({ ...options, login: config.login, users, sessions });
  const random = systemRandomBytes;
  return {
    authenticator: new AccountAuthenticator({
      keys,
      tickets,
      clock,
      login: loginServices && { ...loginServices, sessions },
    }),
    routes: [
      loginRoutes({
        login: loginServices?.login,
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
          if (loginServices) await loginServices.login.endSessions(id);
          else await sessions.endAll(id);
        },
      }),
      apiKeyRoutes({ keys, clock, random }),
      ticketRoutes({ tickets, clock, random }),
    ],
    sessionCleanup: new ExpiredSessionCleanup({
      sessions,
      tickets,
      login: loginServices && { users, tokens: loginServices.tokens },
      clock,
    }),
  };
}

interface LoginServicesOptions extends AccountServicesOptions {
  readonly login: LoginConfig;
  readonly users: SqlUserStore;
  readonly sessions: SqlSessionStore;
}

/** What there is where users sign in. */
function createLoginServices({ login: configured, ...options }: LoginServicesOptions) {
  const { config, database, users, sessions, clock, signal, ownUrl } = options;
  const { clientId, clientSecret, sessionSecret, policy } = configured;
  const { apiUrl, webUrl } = config.github;
  const { version } = manifest;
  const provider = new GitHubOAuth({ clientId, clientSecret, webUrl, apiUrl, version, clock });
  const tokens = new TokenManager({ users, sessions, provider, clock, signal });
  const source = new GitHubAccess({ baseUrl: apiUrl, version, clock });
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
      redirectUri: () =>
        `${(config.server.publicUrl ?? ownUrl()).replace(/\/$/, "")}/login/callback`,
    }),
    access: new AccessCache({ store: new SqlAccessStore(database), source, tokens, clock }),
    membership: new Membership({ policy, provider, tokens, users, sessions, clock }),
  };
}
