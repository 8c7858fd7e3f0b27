import { assert, assertEquals, assertThrows } from "@std/assert";
import { readConfig } from "../src/config.ts";
import { UsageError } from "../src/errors.ts";
import { LOGIN_ENVIRONMENT as LOGIN } from "./fakes/fixtures/account.ts";

const TOKEN = { GITHUB_TOKEN: "ghp_secret" };

function usageErrorMessage(environment: Record<string, string>): string {
  return assertThrows(() => readConfig({ ...TOKEN, ...environment }), UsageError).message;
}

Deno.test("readConfig() lets users sign in once all three variables are set", () => {
  for (const name of Object.keys(LOGIN)) {
    assertEquals(
      usageErrorMessage({ ...LOGIN, [name]: "" }),
      `Cannot let users sign in: ${name} must be set, too`,
    );
  }
  assertEquals(
    usageErrorMessage({ GITHUB_OAUTH_CLIENT_ID: "Iv1.abc" }),
    "Cannot let users sign in: GITHUB_OAUTH_CLIENT_SECRET and SESSION_SECRET must be set, too",
  );
  for (const name of ["ADMIN_LOGINS", "ALLOWED_ORGS"]) {
    assert(
      usageErrorMessage({ [name]: "octo" }).startsWith("Cannot let users sign in: GITHUB_OAUTH_"),
    );
  }
});

Deno.test("readConfig() with a login listens anywhere, for those who come by https", () => {
  const config = readConfig({
    ...TOKEN,
    ...LOGIN,
    SERVER_HOST: "0.0.0.0",
    PUBLIC_URL: "https://ci.example",
  });
  assertEquals(config.server.hostname, "0.0.0.0");
  const allowed = "allowed is the https URL that they come by";
  assertEquals(
    usageErrorMessage({ ...LOGIN, SERVER_HOST: "0.0.0.0" }),
    `Cannot let users sign in with PUBLIC_URL: ${allowed}`,
  );
  for (const SERVER_HOST of ["0.0.0.0", "127.0.0.1"]) {
    assertEquals(
      usageErrorMessage({ ...LOGIN, SERVER_HOST, PUBLIC_URL: "http://ci.example" }),
      `Cannot let users sign in with PUBLIC_URL="http://ci.example": ${allowed}`,
    );
  }
});

Deno.test("readConfig() with a login wants no PUBLIC_URL on this machine", () => {
  for (
    const PUBLIC_URL of ["", "http://127.0.0.1:8080", "http://[::1]:8080", "https://a.example"]
  ) {
    assert(readConfig({ ...TOKEN, ...LOGIN, PUBLIC_URL }).login, PUBLIC_URL);
  }
});
