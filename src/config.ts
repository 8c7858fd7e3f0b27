import { z } from "zod";
import { UsageError } from "./errors.ts";

const AN_URL = { allowed: "an http or https URL" };
const ORIGIN = /^https?:\/\/[^/\s]+$/;

/** Every variable: its default, its bounds, and in words what is allowed. */
const VARIABLES = z.object({
  SERVER_HOST: z.string().default("127.0.0.1").meta({ allowed: "an address to listen on" }),
  SERVER_PORT: whole(0, 65_535, 8080),
  LOG_LEVEL: oneOf(["debug", "info", "warning", "error"], "info"),
  GITHUB_TOKEN: secret("a token"),
  GITHUB_API_URL: httpUrl().default("https://api.github.com").meta(AN_URL),
  GITHUB_APP_ID: identifier(),
  GITHUB_APP_PRIVATE_KEY: secret("the App's private key in PEM"),
  GITHUB_APP_INSTALLATION_ID: identifier(),
  PUBLIC_URL: httpUrl().optional().meta(AN_URL),
  POLL_REPOSITORIES: whole(1, 100, 3),
  POLL_RUNS: whole(1, 100, 2),
  POLL_INTERVAL_SECONDS: whole(1, 3_600, 12),
  POLL_FETCHES: whole(1, 1_000, 5),
  POLL_WHEN: oneOf(["connected", "always"], "connected"),
  ALLOWED_ORIGINS: z.string().transform((list) => list.split(",").map((origin) => origin.trim()))
    .refine((list) => list.every((origin) => ORIGIN.test(origin)))
    .default([]).meta({ allowed: "origins separated by commas, such as https://ci.example.com" }),
  ALLOW_OPEN: oneOf(["true", "false"], "false"),
  MAX_CONNECTIONS: whole(1, 1_000_000, 20_000),
});

/** The variables that the program reads. */
export const VARIABLE_NAMES = Object.keys(VARIABLES.shape);

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
  readonly github: { readonly apiUrl: string; readonly credential: GitHubCredential };
  readonly poll: {
    readonly repositories: number;
    readonly runs: number;
    readonly fetches: number;
    readonly intervalMs: number;
    readonly when: "connected" | "always";
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
    github: { apiUrl: variables.GITHUB_API_URL, credential: credential(variables) },
    poll: {
      repositories: variables.POLL_REPOSITORIES,
      runs: variables.POLL_RUNS,
      fetches: variables.POLL_FETCHES,
      intervalMs: variables.POLL_INTERVAL_SECONDS * 1_000,
      when: variables.POLL_WHEN,
    },
  });
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
  const { allowed, isSecret } = VARIABLES.shape[name].meta() ?? {};
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

function whole(min: number, max: number, fallback: number) {
  return digits(min, max).default(fallback).meta({
    allowed: `a whole number from ${min} to ${max}`,
  });
}

function identifier() {
  return digits(1, Number.MAX_SAFE_INTEGER).optional().meta({ allowed: "a number" });
}

function digits(min: number, max: number) {
  return z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(min).max(max));
}

function oneOf<const Choice extends string>(choices: readonly Choice[], fallback: NoInfer<Choice>) {
  return z.enum(choices).default(fallback as never).meta({ allowed: choices.join(" or ") });
}

function httpUrl() {
  return z.url({ protocol: /^https?$/ });
}

function secret(allowed: string) {
  return z.string().optional().meta({ allowed, isSecret: true });
}
