import { z } from "zod";
import { UsageError } from "./errors.ts";

const DATABASE_URL_PATTERN = /^(sqlite:.+|postgres(ql)?:\/\/.+)$/;
const REDIS_URL_PATTERN = /^rediss?:\/\/[^/\s]+(\/\d*)?$/;
/** The last of these has companies' own users in it. */
const LOGIN_PATTERN = /^[a-z\d][a-z\d-]*(_[a-z\d]+)?$/i;
const ORIGIN_PATTERN = /^https?:\/\/[^/\s]+$/;

const HTTP_URL_HINT = "an http or https URL";
/** What is said of each variable. */
const METADATA = z.registry<VariableMetadata>();

/** Every variable: its default, its bounds, what is allowed in words, and what it is for. */
const VARIABLES = z.object({
  SERVER_HOST: text("127.0.0.1", "an address", "where to listen"),
  SERVER_PORT: integer([0, 65_535], 8080, "where to listen; 0 takes a free port"),
  DATABASE_URL: withMetadata(
    z.string().regex(DATABASE_URL_PATTERN).default("sqlite:./runwire.db"),
    {
      description: "where everything is kept",
      allowed: "sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST/DATABASE",
      isSecret: true,
    },
  ),
  REDIS_URL: withMetadata(z.string().regex(REDIS_URL_PATTERN).optional(), {
    description: "what instances share beside the database",
    allowed: "redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss://",
    isSecret: true,
  }),
  LOG_LEVEL: oneOf(["debug", "info", "warning", "error"], "info", "the least that is logged"),
  GITHUB_TOKEN: secret("a token", "whose repositories to follow"),
  GITHUB_API_URL: withMetadata(httpUrl().default("https://api.github.com"), {
    description: "GitHub's API; that of an Enterprise Server is https://HOST/api/v3",
    allowed: HTTP_URL_HINT,
  }),
  GITHUB_URL: withMetadata(httpUrl().optional(), {
    description: "GitHub's pages, where users sign in; by default as GITHUB_API_URL tells",
    allowed: HTTP_URL_HINT,
  }),
  GITHUB_APP_ID: identifier("follow as this GitHub App, instead of a token"),
  GITHUB_APP_PRIVATE_KEY: secret("a private key in PEM", "the App's key, PKCS#1 or PKCS#8"),
  GITHUB_APP_INSTALLATION_ID: identifier("the App's installation to follow"),
  GITHUB_WEBHOOK_SECRET: webhookSecrets("what webhooks are signed with; both while it changes"),
  PUBLIC_URL: withMetadata(httpUrl().optional(), {
    description: "how others reach us, behind a proxy",
    allowed: HTTP_URL_HINT,
  }),
  GITHUB_OAUTH_CLIENT_ID: withMetadata(z.string().optional(), {
    description: "users sign in by this OAuth app or GitHub App",
    allowed: "its client id",
  }),
  GITHUB_OAUTH_CLIENT_SECRET: secret("its client secret", "the app's secret"),
  SESSION_SECRET: withMetadata(z.string().min(32).optional(), {
    description: "what keeps users' tokens and cookies safe",
    allowed: "32 characters or more, for example of openssl rand -hex 32",
    isSecret: true,
  }),
  ADMIN_LOGINS: logins("users who look after the others"),
  ALLOWED_ORGS: logins("organizations whose members may sign in; without any, everybody may"),
  POLL_REPOSITORIES: integer([1, 100], 3, "how many repositories a snapshot shows"),
  POLL_RUNS: integer([1, 100], 2, "how many runs of each"),
  POLL_INTERVAL_SECONDS: integer([1, 3_600], 12, "the beat"),
  POLL_FETCHES: integer([1, 1_000], 5, "fetches before repositories are listed again"),
  POLL_WHEN: oneOf(["connected", "always"], "connected", "poll for clients, or also without any"),
  RECONCILE_AFTER_SECONDS: integer(
    [60, 86_400],
    600,
    "look up runs that have not moved for so long",
  ),
  ALLOWED_ORIGINS: origins("web pages that may connect, instead of those of our own host"),
  ALLOW_OPEN: oneOf(["true", "false"], "false", "listen beyond this machine without a login"),
  THROTTLE_RATE: integer([0, 100_000], 50, "requests a second for each caller; 0 for any number"),
  THROTTLE_BURST: integer([1, 1_000_000], 200, "requests that a caller may make at once"),
  MAX_CONNECTIONS: integer([1, 1_000_000], 20_000, "clients at a time"),
  RUNWIRE_KEY: secret("an API key", "with what runwire watch connects"),
});

/** The variables that the program reads. */
export const VARIABLE_NAMES = Object.keys(VARIABLES.shape);

/** What is said of a variable, in words. */
export interface VariableDescription {
  readonly name: string;
  /** What it is for. */
  readonly description: string;
  readonly allowed: string;
  /** Empty when there is none. */
  readonly defaultValue: string;
}

/** Every variable, in the order in which all lists of them are. */
export function listVariables(): readonly VariableDescription[] {
  const defaults: Record<string, unknown> = VARIABLES.parse({});
  return Object.entries(VARIABLES.shape).map(([name, schema]) => {
    const { description, allowed } = getMetadata(schema);
    return { name, description, allowed, defaultValue: String(defaults[name] ?? "") };
  });
}

/** Two lines for each variable: its name, what it is for, what is allowed, and its default. */
export function formatVariables(): string {
  const width = Math.max(...VARIABLE_NAMES.map((name) => name.length));
  return listVariables().map(({ name, description, allowed, defaultValue }) => {
    const suffix = defaultValue === "" ? "" : `, by default ${defaultValue}`;
    return `  ${name.padEnd(width)}  ${description}\n${" ".repeat(width + 4)}${allowed}${suffix}`;
  }).join("\n");
}

/**
 * Reads each variable by itself; an empty one counts as not set.
 * @throws {UsageError} that names the variable, its value (unless it is secret) and what is allowed
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
  const { allowed, isSecret } = getMetadata(VARIABLES.shape[name]);
  const value = isSecret ? "" : `="${environment[name]}"`;
  throw new UsageError(`Cannot use ${name}${value}: allowed is ${allowed}`);
}

export type Variables = z.infer<typeof VARIABLES>;

interface VariableMetadata {
  readonly description: string;
  readonly allowed: string;
  /** Its value is never shown. */
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
  return METADATA.get(schema) ?? { description: "", allowed: "" };
}

function text(defaultValue: string, allowed: string, description: string) {
  return withMetadata(z.string().default(defaultValue), { description, allowed });
}

function integer([min, max]: readonly [number, number], defaultValue: number, description: string) {
  return withMetadata(integerBetween(min, max).default(defaultValue), {
    description,
    allowed: `a whole number from ${min} to ${max}`,
  });
}

function identifier(description: string) {
  const schema = integerBetween(1, Number.MAX_SAFE_INTEGER).optional();
  return withMetadata(schema, { description, allowed: "a number" });
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
  return withMetadata(schema, { description, allowed: choices.join(" or ") });
}

function httpUrl() {
  return z.url({ protocol: /^https?$/ });
}

function webhookSecrets(description: string) {
  const schema = commaSeparated().refine((secrets) => secrets.length <= 2);
  return withMetadata(schema, {
    description,
    allowed: "one secret, or two, comma-separated",
    isSecret: true,
  });
}

/** What commas separate. */
function commaSeparated() {
  return z.string().default("").transform((text) =>
    text.split(",").map((each) => each.trim()).filter((each) => each !== "")
  );
}

function logins(description: string) {
  const schema = commaSeparated().refine((logins) =>
    logins.every((login) => LOGIN_PATTERN.test(login))
  );
  return withMetadata(schema, { description, allowed: "names on GitHub, comma-separated" });
}

function origins(description: string) {
  const schema = commaSeparated().refine((origins) =>
    origins.every((origin) => ORIGIN_PATTERN.test(origin))
  );
  return withMetadata(schema, {
    description,
    allowed: "origins such as https://ci.example.com, comma-separated",
  });
}

function secret(allowed: string, description: string) {
  return withMetadata(z.string().optional(), { description, allowed, isSecret: true });
}
