import { assert, assertEquals, assertThrows } from "@std/assert";
import { readConfig } from "../src/config.ts";
import { UsageError } from "../src/errors.ts";
import { LOGIN_ENVIRONMENT as LOGIN } from "./fakes/fixtures/account.ts";

const TOKEN = { GITHUB_TOKEN: "ghp_secret" };

function usageErrorMessage(environment: Record<string, string>): string {
  return assertThrows(() => readConfig({ ...TOKEN, ...environment }), UsageError).message;
}

Deno.test("readConfig() requires all three variables for sign-in", () => {
  for (const name of Object.keys(LOGIN)) {
    assertEquals(
      usageErrorMessage({ ...LOGIN, [name]: "" }),
      `Sign-in requires ${name}`,
    );
  }
  assertEquals(
    usageErrorMessage({ GITHUB_OAUTH_CLIENT_ID: "Iv1.abc" }),
    "Sign-in requires GITHUB_OAUTH_CLIENT_SECRET and SESSION_SECRET",
  );
  for (const name of ["ADMIN_LOGINS", "ALLOWED_ORGS"]) {
    assertEquals(
      usageErrorMessage({ [name]: "octo" }),
      "Sign-in requires GITHUB_OAUTH_CLIENT_ID and GITHUB_OAUTH_CLIENT_SECRET and SESSION_SECRET",
    );
  }
});

Deno.test("readConfig() with a login allows any address, but requires an https PUBLIC_URL", () => {
  const config = readConfig({
    ...TOKEN,
    ...LOGIN,
    SERVER_HOST: "0.0.0.0",
    PUBLIC_URL: "https://ci.example",
  });
  assertEquals(config.server.hostname, "0.0.0.0");
  const expected = "expected the https URL of this server, which sign-in requires";
  assertEquals(
    usageErrorMessage({ ...LOGIN, SERVER_HOST: "0.0.0.0" }),
    `Missing PUBLIC_URL: ${expected}`,
  );
  for (const SERVER_HOST of ["0.0.0.0", "127.0.0.1"]) {
    assertEquals(
      usageErrorMessage({ ...LOGIN, SERVER_HOST, PUBLIC_URL: "http://ci.example" }),
      `Invalid PUBLIC_URL "http://ci.example": ${expected}`,
    );
  }
});

Deno.test("readConfig() with a login needs no PUBLIC_URL on a loopback address", () => {
  for (
    const PUBLIC_URL of ["", "http://127.0.0.1:8080", "http://[::1]:8080", "https://a.example"]
  ) {
    assert(readConfig({ ...TOKEN, ...LOGIN, PUBLIC_URL }).login, PUBLIC_URL);
  }
});
