import { z } from "zod";
import { anyOf, invalid, invalidValue } from "./error_text.ts";
import { UsageError } from "./errors.ts";

const DATABASE_URL_PATTERN = /^(sqlite:.+|postgres(ql)?:\/\/.+)$/;
const REDIS_URL_PATTERN = /^rediss?:\/\/[^/\s]+(\/\d*)?$/;
/** `name_company` is a login of an Enterprise Managed User. */
const LOGIN_PATTERN = /^[a-z\d][a-z\d-]*(_[a-z\d]+)?$/i;
const ORIGIN_PATTERN = /^https?:\/\/[^/\s]+$/;

const HTTP_URL_HINT = "an http or https URL";
const METADATA = z.registry<VariableMetadata>();

/** Every variable: its default, its bounds, its description and the expected value in words. */
const VARIABLES = z.object({
  SERVER_HOST: text("127.0.0.1", "an address", "address to listen on"),
  SERVER_PORT: integer([0, 65_535], 8080, "port to listen on; 0 picks a free port"),
  DATABASE_URL: withMetadata(
    z.string().regex(DATABASE_URL_PATTERN).default("sqlite:./runwire.db"),
    {
      description: "database URL",
      expected: "sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST/DATABASE",
      isSecret: true,
    },
  ),
  REDIS_URL: withMetadata(z.string().regex(REDIS_URL_PATTERN).optional(), {
    description: "Redis, for pub/sub and rate limits across instances",
    expected: "redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss://",
    isSecret: true,
  }),
  LOG_LEVEL: oneOf(["debug", "info", "warning", "error"], "info", "minimum log level"),
  GITHUB_TOKEN: secret(
    "a GitHub token",
    "GitHub token; Runwire follows the repositories it can read",
  ),
  GITHUB_API_URL: withMetadata(httpUrl().default("https://api.github.com"), {
    description: "GitHub API URL; https://HOST/api/v3 for a GitHub Enterprise Server",
    expected: HTTP_URL_HINT,
  }),
  GITHUB_URL: withMetadata(httpUrl().optional(), {
    description: "GitHub web URL, where users sign in (default: derived from GITHUB_API_URL)",
    expected: HTTP_URL_HINT,
  }),
  GITHUB_APP_ID: identifier("GitHub App ID, to use an App instead of a token"),
  GITHUB_APP_PRIVATE_KEY: secret(
    "a private key in PEM format",
    "private key of the GitHub App, PKCS#1 or PKCS#8",
  ),
  GITHUB_APP_INSTALLATION_ID: identifier("installation ID of the GitHub App"),
  GITHUB_WEBHOOK_SECRET: webhookSecrets("webhook secret; comma-separate two during rotation"),
  PUBLIC_URL: withMetadata(httpUrl().optional(), {
    description: "public URL of this server, if it is behind a proxy",
    expected: HTTP_URL_HINT,
  }),
  GITHUB_OAUTH_CLIENT_ID: withMetadata(z.string().optional(), {
    description: "client ID of the OAuth app or GitHub App for sign-in",
    expected: "a client ID",
  }),
  GITHUB_OAUTH_CLIENT_SECRET: secret("a client secret", "client secret of that app"),
  SESSION_SECRET: withMetadata(z.string().min(32).optional(), {
    description: "secret for encrypting tokens and signing cookies",
    expected: "at least 32 characters, for example from openssl rand -hex 32",
    isSecret: true,
  }),
  ADMIN_LOGINS: names("logins", "GitHub logins of admins"),
  ALLOWED_ORGS: names(
    "organization names",
    "GitHub organizations whose members may sign in; empty allows every GitHub user",
  ),
  POLL_REPOSITORIES: integer([1, 100], 3, "repositories in a snapshot"),
  POLL_RUNS: integer([1, 100], 2, "runs per repository in a snapshot"),
  POLL_INTERVAL_SECONDS: integer([1, 3_600], 12, "seconds between polls"),
  POLL_FETCHES: integer([1, 1_000], 5, "polls before the repositories are listed again"),
  POLL_WHEN: oneOf(
    ["connected", "always"],
    "connected",
    "connected: poll only while clients are connected",
  ),
  RECONCILE_AFTER_SECONDS: integer(
    [60, 86_400],
    600,
    "reconcile unfinished runs not updated for this many seconds",
  ),
  ALLOWED_ORIGINS: origins("web page origins that may connect (default: this server's own host)"),
  ALLOW_OPEN: oneOf(
    ["true", "false"],
    "false",
    "allow listening on a non-loopback address without a login",
  ),
  THROTTLE_RATE: integer(
    [0, 100_000],
    50,
    "requests per second for each caller; 0 disables the limit",
  ),
  THROTTLE_BURST: integer([1, 1_000_000], 200, "burst size of the request limit"),
  MAX_CONNECTIONS: integer([1, 1_000_000], 20_000, "maximum number of connected clients"),
  RUNWIRE_KEY: secret("an API key", "API key used by runwire watch"),
});

/** The names of all variables the program reads. */
export const VARIABLE_NAMES = Object.keys(VARIABLES.shape);

interface VariableDescription {
  readonly name: string;
  readonly description: string;
  /** A noun phrase, for example `an integer from 1 to 100`. */
  readonly expected: string;
  /** Empty if there is no default. */
  readonly defaultValue: string;
}

/** Every variable, in the order used by the help and `env.example`. */
export function listVariables(): readonly VariableDescription[] {
  const defaults: Record<string, unknown> = VARIABLES.parse({});
  return Object.entries(VARIABLES.shape).map(([name, schema]) => {
    const { description, expected } = getMetadata(schema);
    return { name, description, expected, defaultValue: String(defaults[name] ?? "") };
  });
}

/** Two lines for each variable: its name and description, then the expected value and the default. */
export function formatVariables(): string {
  const width = Math.max(...VARIABLE_NAMES.map((name) => name.length));
  return listVariables().map(({ name, description, expected, defaultValue }) => {
    const suffix = defaultValue === "" ? "" : `, default ${defaultValue}`;
    return `  ${name.padEnd(width)}  ${description}\n${" ".repeat(width + 4)}${expected}${suffix}`;
  }).join("\n");
}

/**
 * Parses every variable; an empty variable counts as not set.
 * @throws {UsageError} naming the variable, its value (unless it is secret) and the expected value
 */
export function readVariables(
  environment: Readonly<Record<string, string | undefined>>,
): Variables {
  const set = Object.entries(environment).filter(([name, value]) =>
    VARIABLE_NAMES.includes(name) && value !== "" && value !== undefined
  );
  const result = VARIABLES.safeParse(Object.fromEntries(set));
  if (result.success) return result.data;
  const name = String(result.error.issues[0]?.path[0]) as keyof Variables;
  const { expected, isSecret } = getMetadata(VARIABLES.shape[name]);
  throw new UsageError(
    isSecret ? invalid(name, expected) : invalidValue(name, environment[name], expected),
  );
}

export type Variables = z.infer<typeof VARIABLES>;

interface VariableMetadata {
  readonly description: string;
  readonly expected: string;
  /** A secret value is never shown. */
  readonly isSecret?: boolean;
}

function withMetadata<Schema extends z.ZodType>(
  schema: Schema,
  metadata: VariableMetadata,
): Schema {
  METADATA.add(schema, metadata);
  return schema;
}

function getMetadata(schema: z.ZodType): VariableMetadata {
  return METADATA.get(schema) ?? { description: "", expected: "" };
}

function text(defaultValue: string, expected: string, description: string) {
  return withMetadata(z.string().default(defaultValue), { description, expected });
}

function integer([min, max]: readonly [number, number], defaultValue: number, description: string) {
  return withMetadata(integerBetween(min, max).default(defaultValue), {
    description,
    expected: `an integer from ${min} to ${max}`,
  });
}

function identifier(description: string) {
  const schema = integerBetween(1, Number.MAX_SAFE_INTEGER).optional();
  return withMetadata(schema, { description, expected: "a positive integer" });
}

function integerBetween(min: number, max: number) {
  return z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max));
}

function oneOf<const Choice extends string>(
  choices: readonly [Choice, ...Choice[]],
  defaultValue: Choice,
  description: string,
) {
  const schema = z.string().default(defaultValue).pipe(z.enum(choices));
  return withMetadata(schema, { description, expected: anyOf(choices) });
}

function httpUrl() {
  return z.url({ protocol: /^https?$/ });
}

function webhookSecrets(description: string) {
  const schema = commaSeparated().refine((secrets) => secrets.length <= 2);
  return withMetadata(schema, {
    description,
    expected: "one or two secrets, comma-separated",
    isSecret: true,
  });
}

function commaSeparated() {
  return z.string().default("").transform((text) =>
    text.split(",").map((each) => each.trim()).filter((each) => each !== "")
  );
}

function names(kind: string, description: string) {
  const schema = commaSeparated().refine((names) =>
    names.every((name) => LOGIN_PATTERN.test(name))
  );
  return withMetadata(schema, { description, expected: `GitHub ${kind}, comma-separated` });
}

function origins(description: string) {
  const schema = commaSeparated().refine((origins) =>
    origins.every((origin) => ORIGIN_PATTERN.test(origin))
  );
  return withMetadata(schema, {
    description,
    expected: "origins such as https://ci.example.com, comma-separated",
  });
}

function secret(expected: string, description: string) {
  return withMetadata(z.string().optional(), { description, expected, isSecret: true });
}
