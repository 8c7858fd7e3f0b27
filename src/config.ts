import { isLoopback } from "./loopback.ts";
import { UsageError } from "./errors.ts";
import { readVariables, type Variables } from "./variables.ts";

export type GitHubCredential =
  | { readonly token: string }
  | { readonly appId: string; readonly privateKey: string; readonly installationId: number };

export interface LoginConfig {
  readonly clientId: string;
  readonly clientSecret: string;
  /** What keys are derived from. */
  readonly sessionSecret: string;
  readonly policy: {
    /** Logins, in lower case. */
    readonly admins: readonly string[];
    /** In lower case; empty: anybody may sign in. */
    readonly organizations: readonly string[];
  };
}

export interface Config {
  readonly server: {
    readonly hostname: string;
    readonly port: number;
    readonly maxConnections: number;
    /** Empty: pages from our own host. */
    readonly allowedOrigins: readonly string[];
    readonly publicUrl: string | undefined;
  };
  readonly logLevel: "debug" | "info" | "warning" | "error";
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** What each caller may ask for; `undefined` for as much as it likes. */
  readonly rateLimit: { readonly perSecond: number; readonly burst: number } | undefined;
  readonly github: {
    readonly apiUrl: string;
    /** Its pages, without a slash at the end. */
    readonly webUrl: string;
    readonly credential: GitHubCredential;
  };
  /** How users sign in; `undefined` where none do, and everybody is let in. */
  readonly login: LoginConfig | undefined;
  /** One, two while it is changed, or none. */
  readonly webhookSecrets: readonly string[];
  readonly poll: {
    readonly repositories: number;
    readonly runs: number;
    readonly fetches: number;
    readonly intervalMs: number;
    readonly when: "connected" | "always";
    /** A run that is not completed is looked up when it has not moved for so long. */
    readonly reconcileAfterMs: number;
  };
}

/**
 * Reads the environment; an empty variable counts as not set.
 * @throws {UsageError} that names the variable, its value (unless it is secret) and what is allowed
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const variables = readVariables(environment);
  const login = parseLogin(variables);
  assertSafeExposure(variables, login);
  return Object.freeze({
    server: {
      hostname: variables.SERVER_HOST,
      port: variables.SERVER_PORT,
      maxConnections: variables.MAX_CONNECTIONS,
      allowedOrigins: variables.ALLOWED_ORIGINS,
      publicUrl: variables.PUBLIC_URL,
    },
    logLevel: variables.LOG_LEVEL,
    databaseUrl: variables.DATABASE_URL,
    redisUrl: variables.REDIS_URL,
    rateLimit: variables.THROTTLE_RATE === 0
      ? undefined
      : { perSecond: variables.THROTTLE_RATE, burst: variables.THROTTLE_BURST },
    github: {
      apiUrl: variables.GITHUB_API_URL,
      webUrl: (variables.GITHUB_URL ?? toWebUrl(variables.GITHUB_API_URL)).replace(/\/+$/, ""),
      credential: parseCredential(variables),
    },
    login,
    webhookSecrets: variables.GITHUB_WEBHOOK_SECRET,
    poll: {
      repositories: variables.POLL_REPOSITORIES,
      runs: variables.POLL_RUNS,
      fetches: variables.POLL_FETCHES,
      intervalMs: variables.POLL_INTERVAL_SECONDS * 1_000,
      when: variables.POLL_WHEN,
      reconcileAfterMs: variables.RECONCILE_AFTER_SECONDS * 1_000,
    },
  });
}

/**
 * Where everything is kept, for commands that need nothing else.
 * @throws {UsageError}
 */
export function readDatabaseUrl(environment: Readonly<Record<string, string | undefined>>): string {
  return readVariables(environment).DATABASE_URL;
}

/**
 * Where this machine reaches the Runwire of the settings, for example `http://127.0.0.1:8080`.
 * @throws {UsageError}
 */
export function readServerUrl(environment: Readonly<Record<string, string | undefined>>): string {
  const { SERVER_HOST, SERVER_PORT } = readVariables(environment);
  const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[SERVER_HOST] ?? SERVER_HOST;
  return `http://${host.includes(":") ? `[${host}]` : host}:${SERVER_PORT}`;
}

/**
 * Every secret that the settings hold, as it could be written somewhere by mistake: for the log, which leaves them out.
 */
export function listSecrets(config: Config): readonly string[] {
  const { credential } = config.github;
  return [
    "token" in credential ? credential.token : credential.privateKey,
    ...config.webhookSecrets,
    ...(config.login ? [config.login.clientSecret, config.login.sessionSecret] : []),
    ...[config.databaseUrl, config.redisUrl ?? ""].flatMap(extractPasswords),
  ];
}

/** As it is written in the URL, and as it is meant. */
function extractPasswords(url: string): readonly string[] {
  const password = URL.parse(url)?.password ?? "";
  return password === "" ? [] : [...new Set([password, decodeURIComponent(password)])];
}

/** A login needs all three; without it nobody can be told apart. */
function parseLogin(variables: Variables): LoginConfig | undefined {
  const { GITHUB_OAUTH_CLIENT_ID, GITHUB_OAUTH_CLIENT_SECRET, SESSION_SECRET } = variables;
  const { ADMIN_LOGINS, ALLOWED_ORGS } = variables;
  const toLowerCase = (names: readonly string[]) => names.map((name) => name.toLowerCase());
  if (GITHUB_OAUTH_CLIENT_ID && GITHUB_OAUTH_CLIENT_SECRET && SESSION_SECRET) {
    return {
      clientId: GITHUB_OAUTH_CLIENT_ID,
      clientSecret: GITHUB_OAUTH_CLIENT_SECRET,
      sessionSecret: SESSION_SECRET,
      policy: { admins: toLowerCase(ADMIN_LOGINS), organizations: toLowerCase(ALLOWED_ORGS) },
    };
  }
  const required = { GITHUB_OAUTH_CLIENT_ID, GITHUB_OAUTH_CLIENT_SECRET, SESSION_SECRET };
  const missing = Object.entries(required).flatMap(([name, value]) => value ? [] : [name]);
  const isConfigured = missing.length < 3 || ADMIN_LOGINS.length > 0 || ALLOWED_ORGS.length > 0;
  if (!isConfigured) return undefined;
  throw new UsageError(`Cannot let users sign in: ${missing.join(" and ")} must be set, too`);
}

/** Where we can be reached by others, they must sign in, and nobody on the way may read along. */
function assertSafeExposure(
  { SERVER_HOST, PUBLIC_URL, ALLOW_OPEN }: Variables,
  login: LoginConfig | undefined,
): void {
  const isLocal = isLoopback(SERVER_HOST);
  if (!login && !isLocal && ALLOW_OPEN === "false") {
    throw new UsageError(
      `Cannot listen on SERVER_HOST="${SERVER_HOST}", where anybody could connect without a login: ` +
        "allowed is a loopback address such as 127.0.0.1, or any with ALLOW_OPEN=true or a login",
    );
  }
  if (!login || (isLocal && PUBLIC_URL === undefined)) return;
  const { protocol, hostname } = new URL(PUBLIC_URL ?? "http://unknown.invalid");
  if (protocol === "https:" || isLoopback(hostname.replace(/^\[|\]$/g, ""))) return;
  const value = PUBLIC_URL === undefined ? "" : `="${PUBLIC_URL}"`;
  throw new UsageError(
    `Cannot let users sign in with PUBLIC_URL${value}: allowed is the https URL that they come by`,
  );
}

/**
 * GitHub's pages, by its API: `https://HOST/api/v3` of an Enterprise Server, `https://api.HOST` of GitHub itself and of
 * those with data residency. https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api
 */
function toWebUrl(apiUrl: string): string {
  const server = apiUrl.replace(/\/api\/v3\/?$/, "");
  return server === apiUrl ? apiUrl.replace(/^(https?:\/\/)api\./, "$1") : server;
}

/** An App goes before a token, which some environments set by themselves. */
function parseCredential(variables: Variables): GitHubCredential {
  const { GITHUB_TOKEN, GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY, GITHUB_APP_INSTALLATION_ID } =
    variables;
  if (GITHUB_APP_ID && GITHUB_APP_PRIVATE_KEY && GITHUB_APP_INSTALLATION_ID) {
    return {
      appId: String(GITHUB_APP_ID),
      privateKey: GITHUB_APP_PRIVATE_KEY,
      installationId: GITHUB_APP_INSTALLATION_ID,
    };
  }
  if (GITHUB_APP_ID || GITHUB_APP_PRIVATE_KEY || GITHUB_APP_INSTALLATION_ID) {
    throw new UsageError(
      "Cannot act as a GitHub App: GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and " +
        "GITHUB_APP_INSTALLATION_ID must all be set",
    );
  }
  if (GITHUB_TOKEN) return { token: GITHUB_TOKEN };
  throw new UsageError(
    "Cannot ask GitHub without a credential: set GITHUB_TOKEN (or the three GITHUB_APP_… variables), " +
      "or see Runwire without an account by `runwire demo`",
  );
}
