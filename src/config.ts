import { z } from "zod";
import { UsageError } from "./errors.ts";

const DATABASE = /^(sqlite:.+|postgres(ql)?:\/\/.+)$/;
const REDIS = /^rediss?:\/\/[^/\s]+(\/\d*)?$/;
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
  GITHUB_APP_ID: identifier("follow as this GitHub App, instead of a token"),
  GITHUB_APP_PRIVATE_KEY: secret("a private key in PEM", "the App's key, PKCS#1 or PKCS#8"),
  GITHUB_APP_INSTALLATION_ID: identifier("the App's installation to follow"),
  GITHUB_WEBHOOK_SECRET: webhookSecrets("what webhooks are signed with; both while it changes"),
  PUBLIC_URL: explained(httpUrl().optional(), {
    about: "how others reach us, behind a proxy",
    allowed: AN_URL,
  }),
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
});

/** The variables that the program reads. */
export const VARIABLE_NAMES = Object.keys(VARIABLES.shape);

/** One line for each variable: its name, what it is for, what is allowed, and its default. */
export function describeVariables(): string {
  const defaults: Record<string, unknown> = VARIABLES.parse({});
  const width = Math.max(...VARIABLE_NAMES.map((name) => name.length));
  return Object.entries(VARIABLES.shape).map(([name, schema]) => {
    const { about, allowed } = explanationOf(schema);
    const fallback = String(defaults[name] ?? "");
    const suffix = fallback === "" ? "" : `, by default ${fallback}`;
    return `  ${name.padEnd(width)}  ${about}\n${" ".repeat(width + 4)}${allowed}${suffix}`;
  }).join("\n");
}

export type GitHubCredential =
  | { readonly token: string }
  | { readonly appId: string; readonly privateKey: string; readonly installationId: number };

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
  readonly throttle: { readonly perSecond: number; readonly burst: number } | undefined;
  readonly github: { readonly apiUrl: string; readonly credential: GitHubCredential };
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
  const variables = parse(environment);
  const hostname = variables.SERVER_HOST;
  if (!isLoopback(hostname) && variables.ALLOW_OPEN === "false") {
    throw new UsageError(
      `Cannot listen on SERVER_HOST="${hostname}", where anybody could connect without a login: ` +
        "allowed is a loopback address such as 127.0.0.1, or any with ALLOW_OPEN=true",
    );
  }
  return Object.freeze({
    server: {
      hostname,
      port: variables.SERVER_PORT,
      maxConnections: variables.MAX_CONNECTIONS,
      allowedOrigins: variables.ALLOWED_ORIGINS,
      publicUrl: variables.PUBLIC_URL,
    },
    logLevel: variables.LOG_LEVEL,
    databaseUrl: variables.DATABASE_URL,
    redisUrl: variables.REDIS_URL,
    throttle: variables.THROTTLE_RATE === 0
      ? undefined
      : { perSecond: variables.THROTTLE_RATE, burst: variables.THROTTLE_BURST },
    github: { apiUrl: variables.GITHUB_API_URL, credential: credential(variables) },
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
  return parse(environment).DATABASE_URL;
}

/** Whether nobody on another machine can reach what listens on `hostname`. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function parse(environment: Readonly<Record<string, string | undefined>>): Variables {
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

/** An App goes before a token, which some environments set by themselves. */
function credential(variables: Variables): GitHubCredential {
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

type Variables = z.infer<typeof VARIABLES>;

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
