import { z } from "zod";
import { UsageError } from "./errors.ts";

const DATABASE = /^(sqlite:.+|postgres(ql)?:\/\/.+)$/;
const REDIS = /^rediss?:\/\/[^/\s]+(\/\d*)?$/;
/** The last of these has companies' own users in it. */
const LOGIN = /^[a-z\d][a-z\d-]*(_[a-z\d]+)?$/i;
const ORIGIN = /^https?:\/\/[^/\s]+$/;

const AN_URL = "an http or https URL";
/** What is said of each variable. */
const EXPLANATIONS = z.registry<Explanation>();

/** Every variable: its default, its bounds, what is allowed in words, and what it is for. */
const VARIABLES = z.object({
  SERVER_HOST: text("127.0.0.1", "an address", "where to listen"),
  SERVER_PORT: whole([0, 65_535], 8080, "where to listen; 0 takes a free port"),
  DATABASE_URL: explained(z.string().regex(DATABASE).default("sqlite:./runwire.db"), {
    about: "where everything is kept",
    allowed: "sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST/DATABASE",
    isSecret: true,
  }),
  REDIS_URL: explained(z.string().regex(REDIS).optional(), {
    about: "what instances share beside the database",
    allowed: "redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss://",
    isSecret: true,
  }),
  LOG_LEVEL: oneOf(["debug", "info", "warning", "error"], "info", "the least that is logged"),
  GITHUB_TOKEN: secret("a token", "whose repositories to follow"),
  GITHUB_API_URL: explained(httpUrl().default("https://api.github.com"), {
    about: "GitHub's API; that of an Enterprise Server is https://HOST/api/v3",
    allowed: AN_URL,
  }),
  GITHUB_URL: explained(httpUrl().optional(), {
    about: "GitHub's pages, where users sign in; by default as GITHUB_API_URL tells",
    allowed: AN_URL,
  }),
  GITHUB_APP_ID: identifier("follow as this GitHub App, instead of a token"),
  GITHUB_APP_PRIVATE_KEY: secret("a private key in PEM", "the App's key, PKCS#1 or PKCS#8"),
  GITHUB_APP_INSTALLATION_ID: identifier("the App's installation to follow"),
  GITHUB_WEBHOOK_SECRET: webhookSecrets("what webhooks are signed with; both while it changes"),
  PUBLIC_URL: explained(httpUrl().optional(), {
    about: "how others reach us, behind a proxy",
    allowed: AN_URL,
  }),
  GITHUB_OAUTH_CLIENT_ID: explained(z.string().optional(), {
    about: "users sign in by this OAuth app or GitHub App",
    allowed: "its client id",
  }),
  GITHUB_OAUTH_CLIENT_SECRET: secret("its client secret", "the app's secret"),
  SESSION_SECRET: explained(z.string().min(32).optional(), {
    about: "what keeps users' tokens and cookies safe",
    allowed: "32 characters or more, for example of openssl rand -hex 32",
    isSecret: true,
  }),
  ADMIN_LOGINS: logins("users who look after the others"),
  ALLOWED_ORGS: logins("organisations whose members may sign in; without any, everybody may"),
  POLL_REPOSITORIES: whole([1, 100], 3, "how many repositories a snapshot shows"),
  POLL_RUNS: whole([1, 100], 2, "how many runs of each"),
  POLL_INTERVAL_SECONDS: whole([1, 3_600], 12, "the beat"),
  POLL_FETCHES: whole([1, 1_000], 5, "fetches before repositories are listed again"),
  POLL_WHEN: oneOf(["connected", "always"], "connected", "poll for clients, or also without any"),
  RECONCILE_AFTER_SECONDS: whole([60, 86_400], 600, "look up runs that have not moved for so long"),
  ALLOWED_ORIGINS: origins("web pages that may connect, instead of those of our own host"),
  ALLOW_OPEN: oneOf(["true", "false"], "false", "listen beyond this machine without a login"),
  THROTTLE_RATE: whole([0, 100_000], 50, "requests a second for each caller; 0 for any number"),
  THROTTLE_BURST: whole([1, 1_000_000], 200, "requests that a caller may make at once"),
  MAX_CONNECTIONS: whole([1, 1_000_000], 20_000, "clients at a time"),
  RUNWIRE_KEY: secret("an API key", "with what runwire watch connects"),
});

/** The variables that the program reads. */
export const VARIABLE_NAMES = Object.keys(VARIABLES.shape);

/** What is said of a variable, in words. */
export interface DescribedVariable {
  readonly name: string;
  /** What it is for. */
  readonly about: string;
  readonly allowed: string;
  /** Empty when there is none. */
  readonly fallback: string;
}

/** Every variable, in the order in which all lists of them are. */
export function describedVariables(): readonly DescribedVariable[] {
  const defaults: Record<string, unknown> = VARIABLES.parse({});
  return Object.entries(VARIABLES.shape).map(([name, schema]) => {
    const { about, allowed } = explanationOf(schema);
    return { name, about, allowed, fallback: String(defaults[name] ?? "") };
  });
}

/** Two lines for each variable: its name, what it is for, what is allowed, and its default. */
export function describeVariables(): string {
  const width = Math.max(...VARIABLE_NAMES.map((name) => name.length));
  return describedVariables().map(({ name, about, allowed, fallback }) => {
    const suffix = fallback === "" ? "" : `, by default ${fallback}`;
    return `  ${name.padEnd(width)}  ${about}\n${" ".repeat(width + 4)}${allowed}${suffix}`;
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
  const { allowed, isSecret } = explanationOf(VARIABLES.shape[name]);
  const value = isSecret ? "" : `="${environment[name]}"`;
  throw new UsageError(`Cannot use ${name}${value}: allowed is ${allowed}`);
}

export type Variables = z.infer<typeof VARIABLES>;

interface Explanation {
  readonly about: string;
  readonly allowed: string;
  /** Its value is never shown. */
  readonly isSecret?: boolean;
}

function explained<Schema extends z.ZodType>(schema: Schema, explanation: Explanation): Schema {
  EXPLANATIONS.add(schema, explanation);
  return schema;
}

function explanationOf(schema: z.ZodType): Explanation {
  return EXPLANATIONS.get(schema) ?? { about: "", allowed: "" };
}

function text(fallback: string, allowed: string, about: string) {
  return explained(z.string().default(fallback), { about, allowed });
}

function whole([min, max]: readonly [number, number], fallback: number, about: string) {
  return explained(digits(min, max).default(fallback), {
    about,
    allowed: `a whole number from ${min} to ${max}`,
  });
}

function identifier(about: string) {
  const schema = digits(1, Number.MAX_SAFE_INTEGER).optional();
  return explained(schema, { about, allowed: "a number" });
}

function digits(min: number, max: number) {
  return z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max));
}

function oneOf<const Choice extends string>(
  choices: readonly [Choice, ...Choice[]],
  fallback: Choice,
  about: string,
) {
  const schema = z.string().default(fallback).pipe(z.enum(choices));
  return explained(schema, { about, allowed: choices.join(" or ") });
}

function httpUrl() {
  return z.url({ protocol: /^https?$/ });
}

function webhookSecrets(about: string) {
  const schema = list().refine((secrets) => secrets.length <= 2);
  return explained(schema, {
    about,
    allowed: "one secret, or two, comma-separated",
    isSecret: true,
  });
}

/** What commas separate. */
function list() {
  return z.string().default("").transform((text) =>
    text.split(",").map((each) => each.trim()).filter((each) => each !== "")
  );
}

function logins(about: string) {
  const schema = list().refine((logins) => logins.every((each) => LOGIN.test(each)));
  return explained(schema, { about, allowed: "names on GitHub, comma-separated" });
}

function origins(about: string) {
  const schema = list().refine((origins) => origins.every((each) => ORIGIN.test(each)));
  return explained(schema, {
    about,
    allowed: "origins such as https://ci.example.com, comma-separated",
  });
}

function secret(allowed: string, about: string) {
  return explained(z.string().optional(), { about, allowed, isSecret: true });
}
