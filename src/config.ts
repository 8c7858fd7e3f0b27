import { invalidValue, missingValue } from "./error_text.ts";
import { UsageError } from "./errors.ts";
import { isLoopback } from "./loopback.ts";
import { readVariables, type Variables } from "./variables.ts";

type GitHubCredential =
  | { readonly token: string }
  | { readonly appId: string; readonly privateKey: string; readonly installationId: number };

export interface LoginConfig {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The keys for cookies and tokens are derived from it. */
  readonly sessionSecret: string;
  readonly policy: {
    /** GitHub logins in lower case. */
    readonly admins: readonly string[];
    /** In lower case; empty allows every GitHub user. */
    readonly organizations: readonly string[];
  };
}

export interface Config {
  readonly server: {
    readonly hostname: string;
    readonly port: number;
    readonly maxConnections: number;
    /** Empty allows pages from this server's own host. */
    readonly allowedOrigins: readonly string[];
    readonly publicUrl: string | undefined;
  };
  readonly logLevel: "debug" | "info" | "warning" | "error";
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** `undefined` disables the limit. */
  readonly rateLimit: { readonly perSecond: number; readonly burst: number } | undefined;
  readonly github: {
    readonly apiUrl: string;
    /** Without a trailing slash. */
    readonly webUrl: string;
    readonly credential: GitHubCredential;
  };
  /** `undefined` disables authentication: every request is allowed. */
  readonly login: LoginConfig | undefined;
  /** Empty if webhooks are disabled; two during rotation. */
  readonly webhookSecrets: readonly string[];
  readonly poll: {
    readonly repositories: number;
    readonly runs: number;
    readonly fetches: number;
    readonly intervalMs: number;
    readonly when: "connected" | "always";
    /** Unfinished runs not updated for this long are fetched again. */
    readonly reconcileAfterMs: number;
  };
}

/**
 * Parses the environment; an empty variable counts as not set.
 * @throws {UsageError} naming the variable, its value (unless it is secret) and the expected value
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
 * The database URL alone, for commands that do not connect to GitHub.
 * @throws {UsageError}
 */
export function readDatabaseUrl(environment: Readonly<Record<string, string | undefined>>): string {
  return readVariables(environment).DATABASE_URL;
}

/**
 * The URL of the configured server as seen from this machine, for example `http://127.0.0.1:8080`.
 * @throws {UsageError}
 */
export function readServerUrl(environment: Readonly<Record<string, string | undefined>>): string {
  const { SERVER_HOST, SERVER_PORT } = readVariables(environment);
  const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[SERVER_HOST] ?? SERVER_HOST;
  return `http://${host.includes(":") ? `[${host}]` : host}:${SERVER_PORT}`;
}

/**
 * Every secret in the configuration, in each form that could appear in a log message. The log redacts them.
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

/** The password as written in the URL, and decoded. */
function extractPasswords(url: string): readonly string[] {
  const password = URL.parse(url)?.password ?? "";
  return password === "" ? [] : [...new Set([password, decodeURIComponent(password)])];
}

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
  throw new UsageError(`Sign-in requires ${missing.join(" and ")}`);
}

/** Requires a login, over TLS, when other machines can connect. */
function assertSafeExposure(
  { SERVER_HOST, PUBLIC_URL, ALLOW_OPEN }: Variables,
  login: LoginConfig | undefined,
): void {
  const isLocal = isLoopback(SERVER_HOST);
  if (!login && !isLocal && ALLOW_OPEN === "false") {
    const expected =
      "a loopback address such as 127.0.0.1; any other address requires a login or ALLOW_OPEN=true";
    throw new UsageError(invalidValue("SERVER_HOST", SERVER_HOST, expected));
  }
  if (!login || (isLocal && PUBLIC_URL === undefined)) return;
  const { protocol, hostname } = new URL(PUBLIC_URL ?? "http://unknown.invalid");
  if (protocol === "https:" || isLoopback(hostname.replace(/^\[|\]$/g, ""))) return;
  const expected = "the https URL of this server, which sign-in requires";
  throw new UsageError(
    PUBLIC_URL === undefined
      ? missingValue("PUBLIC_URL", expected)
      : invalidValue("PUBLIC_URL", PUBLIC_URL, expected),
  );
}

/**
 * Derives the web URL from the API URL, which is `https://HOST/api/v3` for an Enterprise Server and `https://api.HOST` for
 * github.com and GHE.com. https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api
 */
function toWebUrl(apiUrl: string): string {
  const server = apiUrl.replace(/\/api\/v3\/?$/, "");
  return server === apiUrl ? apiUrl.replace(/^(https?:\/\/)api\./, "$1") : server;
}

/** Prefers the App to the token, because some environments set GITHUB_TOKEN automatically. */
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
      "A GitHub App requires GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION_ID",
    );
  }
  if (GITHUB_TOKEN) return { token: GITHUB_TOKEN };
  const expected =
    'a GitHub token, or the three GITHUB_APP_… variables; "runwire demo" needs neither';
  throw new UsageError(missingValue("GITHUB_TOKEN", expected));
}
