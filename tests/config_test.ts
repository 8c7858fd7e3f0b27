import { assert, assertEquals, assertThrows } from "@std/assert";
import { listSecrets, readConfig } from "../src/config.ts";
import { UsageError } from "../src/errors.ts";
import { formatVariables, VARIABLE_NAMES } from "../src/variables.ts";
import { LOGIN_ENVIRONMENT as LOGIN } from "./fakes/fixtures/account.ts";

const TOKEN = { GITHUB_TOKEN: "ghp_secret" };

function usageErrorMessage(environment: Record<string, string>): string {
  return assertThrows(() => readConfig({ ...TOKEN, ...environment }), UsageError).message;
}

Deno.test("readConfig() has a default for everything but the credential", () => {
  assertEquals(readConfig(TOKEN), {
    server: {
      hostname: "127.0.0.1",
      port: 8080,
      maxConnections: 20_000,
      allowedOrigins: [],
      publicUrl: undefined,
    },
    logLevel: "info",
    databaseUrl: "sqlite:./runwire.db",
    redisUrl: undefined,
    rateLimit: { perSecond: 50, burst: 200 },
    github: {
      apiUrl: "https://api.github.com",
      webUrl: "https://github.com",
      credential: { token: "ghp_secret" },
    },
    login: undefined,
    webhookSecrets: [],
    poll: {
      repositories: 3,
      runs: 2,
      fetches: 5,
      intervalMs: 12_000,
      when: "connected",
      reconcileAfterMs: 600_000,
    },
  });
});

Deno.test("readConfig() treats an empty variable as not set", () => {
  assertEquals(readConfig({ ...TOKEN, SERVER_PORT: "", ALLOWED_ORIGINS: "" }), readConfig(TOKEN));
});

Deno.test("readConfig() reads every variable", () => {
  const config = readConfig({
    SERVER_HOST: "0.0.0.0",
    SERVER_PORT: "0",
    DATABASE_URL: "postgres://me:secret@db.example/runwire",
    REDIS_URL: "rediss://:secret@cache.example:6380/2",
    LOG_LEVEL: "debug",
    GITHUB_WEBHOOK_SECRET: "old, new",
    RECONCILE_AFTER_SECONDS: "120",
    GITHUB_API_URL: "https://ghe.example/api/v3",
    GITHUB_APP_ID: "12",
    GITHUB_APP_PRIVATE_KEY: "a key",
    GITHUB_APP_INSTALLATION_ID: "34",
    GITHUB_URL: "https://pages.ghe.example/",
    PUBLIC_URL: "https://ci.example",
    ...LOGIN,
    ADMIN_LOGINS: "Mona, hubot_acme",
    ALLOWED_ORGS: "Octo-Org",
    POLL_REPOSITORIES: "4",
    POLL_RUNS: "6",
    POLL_INTERVAL_SECONDS: "30",
    POLL_FETCHES: "7",
    POLL_WHEN: "always",
    ALLOWED_ORIGINS: "https://a.example, http://b.example:8080",
    ALLOW_OPEN: "true",
    THROTTLE_RATE: "10",
    THROTTLE_BURST: "30",
    MAX_CONNECTIONS: "5",
    RUNWIRE_KEY: "rw_live_x",
  });
  assertEquals(config, {
    server: {
      hostname: "0.0.0.0",
      port: 0,
      maxConnections: 5,
      allowedOrigins: ["https://a.example", "http://b.example:8080"],
      publicUrl: "https://ci.example",
    },
    logLevel: "debug",
    databaseUrl: "postgres://me:secret@db.example/runwire",
    redisUrl: "rediss://:secret@cache.example:6380/2",
    rateLimit: { perSecond: 10, burst: 30 },
    webhookSecrets: ["old", "new"],
    github: {
      apiUrl: "https://ghe.example/api/v3",
      webUrl: "https://pages.ghe.example",
      credential: { appId: "12", privateKey: "a key", installationId: 34 },
    },
    login: {
      clientId: "Iv1.abc",
      clientSecret: "a client secret",
      sessionSecret: LOGIN.SESSION_SECRET,
      policy: { admins: ["mona", "hubot_acme"], organizations: ["octo-org"] },
    },
    poll: {
      repositories: 4,
      runs: 6,
      fetches: 7,
      intervalMs: 30_000,
      when: "always",
      reconcileAfterMs: 120_000,
    },
  });
});

Deno.test("readConfig() disables the rate limit for THROTTLE_RATE 0", () => {
  assertEquals(readConfig({ ...TOKEN, THROTTLE_RATE: "0" }).rateLimit, undefined);
});

Deno.test("readConfig() prefers the App to a token", () => {
  const { github } = readConfig({
    ...TOKEN,
    GITHUB_APP_ID: "12",
    GITHUB_APP_PRIVATE_KEY: "a key",
    GITHUB_APP_INSTALLATION_ID: "34",
  });
  assertEquals("appId" in github.credential, true);
});

Deno.test("readConfig() names the variable, its value and the expected value", () => {
  for (
    const [name, value, expected] of [
      ["SERVER_PORT", "http", "an integer from 0 to 65535"],
      ["SERVER_PORT", "65536", "an integer from 0 to 65535"],
      ["SERVER_PORT", "-1", "an integer from 0 to 65535"],
      ["LOG_LEVEL", "loud", "debug, info, warning, or error"],
      ["GITHUB_API_URL", "api.github.com", "an http or https URL"],
      ["GITHUB_API_URL", "ftp://api.github.com", "an http or https URL"],
      ["GITHUB_APP_ID", "Iv1.abc", "a positive integer"],
      ["POLL_REPOSITORIES", "0", "an integer from 1 to 100"],
      ["POLL_RUNS", "101", "an integer from 1 to 100"],
      ["POLL_INTERVAL_SECONDS", "0.5", "an integer from 1 to 3600"],
      ["POLL_FETCHES", "1e3", "an integer from 1 to 1000"],
      ["POLL_WHEN", "sometimes", "connected or always"],
      ["ALLOWED_ORIGINS", "*", "origins such as https://ci.example.com, comma-separated"],
      ["ALLOWED_ORIGINS", "https://a/b", "origins such as https://ci.example.com, comma-separated"],
      ["ADMIN_LOGINS", "@mona", "GitHub logins, comma-separated"],
      ["ALLOWED_ORGS", "octo/a", "GitHub organization names, comma-separated"],
      ["GITHUB_URL", "github.com", "an http or https URL"],
      ["ALLOW_OPEN", "yes", "true or false"],
      ["THROTTLE_RATE", "-1", "an integer from 0 to 100000"],
      ["THROTTLE_BURST", "0", "an integer from 1 to 1000000"],
      ["MAX_CONNECTIONS", "many", "an integer from 1 to 1000000"],
    ] as const
  ) {
    assertEquals(
      usageErrorMessage({ [name]: value }),
      `Invalid ${name} "${value}": expected ${expected}`,
    );
  }
});

Deno.test("readConfig() never shows the value of a secret variable", () => {
  for (
    const [name, value, expected] of [
      [
        "DATABASE_URL",
        "mysql://me:secret@db.example/runwire",
        "sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST/DATABASE",
      ],
      [
        "REDIS_URL",
        "http://:secret@cache.example",
        "redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss://",
      ],
      ["GITHUB_WEBHOOK_SECRET", "a,secret,too many", "one or two secrets, comma-separated"],
      [
        "SESSION_SECRET",
        "too short a secret@",
        "at least 32 characters, for example from openssl rand -hex 32",
      ],
    ] as const
  ) {
    assertEquals(usageErrorMessage({ [name]: value }), `Invalid ${name}: expected ${expected}`);
  }
});

Deno.test("readConfig() requires ALLOW_OPEN for a non-loopback address", () => {
  for (const SERVER_HOST of ["0.0.0.0", "::", "192.168.1.1", "ci.example"]) {
    assertEquals(
      usageErrorMessage({ SERVER_HOST }),
      `Invalid SERVER_HOST "${SERVER_HOST}": expected a loopback address such as 127.0.0.1; ` +
        "any other address requires a login or ALLOW_OPEN=true",
    );
    assertEquals(
      readConfig({ ...TOKEN, SERVER_HOST, ALLOW_OPEN: "true" }).server.hostname,
      SERVER_HOST,
    );
  }
});

Deno.test("readConfig() derives the web URL from the API URL", () => {
  for (
    const [api, web] of [
      ["https://api.github.com", "https://github.com"],
      ["https://api.github.com/", "https://github.com"],
      ["https://api.acme.ghe.com", "https://acme.ghe.com"],
      ["https://ghe.example/api/v3", "https://ghe.example"],
      ["https://api.example/api/v3/", "https://api.example"],
      ["http://127.0.0.1:1234", "http://127.0.0.1:1234"],
    ] as const
  ) {
    assertEquals(readConfig({ ...TOKEN, GITHUB_API_URL: api }).github.webUrl, web);
  }
});

Deno.test("listSecrets() returns every secret in the configuration", () => {
  const config = readConfig({
    ...TOKEN,
    ...LOGIN,
    GITHUB_WEBHOOK_SECRET: "old,new",
    DATABASE_URL: "postgres://me:p%40ss@db.example/runwire",
    REDIS_URL: "redis://:cached@cache.example",
  });
  assertEquals(listSecrets(config), [
    "ghp_secret",
    "old",
    "new",
    "a client secret",
    LOGIN.SESSION_SECRET,
    "p%40ss",
    "p@ss",
    "cached",
  ]);
  const app = {
    GITHUB_APP_ID: "1",
    GITHUB_APP_PRIVATE_KEY: "pem",
    GITHUB_APP_INSTALLATION_ID: "2",
  };
  assertEquals(listSecrets(readConfig(app)), ["pem"]);
});

Deno.test("readConfig() without a credential names GITHUB_TOKEN and the demo", () => {
  const { message } = assertThrows(() => readConfig({}), UsageError);
  assertEquals(
    message,
    "Missing GITHUB_TOKEN: expected a GitHub token, or the three GITHUB_APP_… variables; " +
      '"runwire demo" needs neither',
  );
});

Deno.test("readConfig() requires all three variables of an App", () => {
  const message = usageErrorMessage({ GITHUB_APP_ID: "12", GITHUB_APP_PRIVATE_KEY: "a key" });
  assertEquals(
    message,
    "A GitHub App requires GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION_ID",
  );
});

Deno.test("formatVariables() has two lines for every variable", () => {
  const text = formatVariables();
  for (const name of VARIABLE_NAMES) assert(text.includes(`  ${name} `), name);
  assertEquals(text.split("\n").length, 2 * VARIABLE_NAMES.length);
});
