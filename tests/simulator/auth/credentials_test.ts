import { Buffer } from "node:buffer";
import { generateKeyPairSync, sign } from "node:crypto";
import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/core";
import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import { Simulator } from "../../../src/simulator/server.ts";
import { World } from "../../../src/simulator/world/world.ts";
import { serve } from "../serve.ts";

const TOKENS_PATH = "/app/installations/9/access_tokens";

function newKeys() {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

function jwt(claims: Readonly<Record<string, unknown>>, privateKey: string, alg = "RS256"): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg, typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), privateKey).toString("base64url")}`;
}

function serveApp() {
  const { publicKey, privateKey } = newKeys();
  const github = serve({ app: { id: 5, publicKey, installations: [9] } });
  const now = () => github.clock.now() / 1000;
  const bearer = (
    claims: Readonly<Record<string, unknown>> = {},
    { key = privateKey, alg = "RS256" } = {},
  ) => ({
    authorization: `Bearer ${
      jwt({ iss: 5, iat: now() - 60, exp: now() + 540, ...claims }, key, alg)
    }`,
  });
  return { github, bearer, now };
}

Deno.test("An unknown token gets 401 with GitHub's text", async () => {
  await using github = serve();
  for (const authorization of ["Bearer ghp_unknown", "token ghp_unknown", "Basic abc"]) {
    const { status, text } = await github.request("/user", { headers: { authorization } });
    assertEquals(status, 401);
    assertEquals(
      text,
      '{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}',
    );
  }
});

Deno.test("Credentials.revoke() and add() change the accepted tokens", async () => {
  await using github = serve({ tokens: ["ghp_a"] });
  const request = async (token: string) =>
    (await github.request("/user", { headers: { authorization: `Bearer ${token}` } })).status;
  assertEquals([await request("ghp_a"), await request("ghp_b")], [200, 401]);
  github.simulator.credentials.revoke("ghp_a");
  github.simulator.credentials.add("ghp_b");
  assertEquals([await request("ghp_a"), await request("ghp_b")], [401, 200]);
});

Deno.test("Without a credential only public repositories are visible", async () => {
  await using github = serve();
  github.world.addRepository({ full_name: "octo-org/open" });
  github.world.addRepository({ full_name: "octo-org/secret", private: true });
  const headers = { authorization: "none" };
  const statuses = [];
  for (const path of ["/user", "/user/repos", "/repos/octo-org/open", "/repos/octo-org/secret"]) {
    statuses.push((await github.request(path, { headers })).status);
  }
  assertEquals(statuses, [401, 401, 200, 404]);
});

Deno.test("POST access_tokens issues a token valid for one hour", async () => {
  const { github, bearer } = serveApp();
  await using _ = github;
  github.world.addRepository({ full_name: "octo-org/api" });
  const { status, json } = await github.request(TOKENS_PATH, { method: "POST", headers: bearer() });
  assertEquals(status, 201);
  assertMatch(String(json.token), /^ghs_[0-9a-f]{36}$/);
  assertEquals(json.expires_at, "2026-01-01T01:00:00Z");
  assertObjectMatch(json, { permissions: { actions: "read" }, repository_selection: "all" });

  const headers = { authorization: `token ${json.token}` };
  const request = async () =>
    (await github.request("/installation/repositories", { headers })).status;
  assertEquals(await request(), 200);
  github.clock.advance(3_599);
  assertEquals(await request(), 200);
  github.clock.advance(1);
  assertEquals(await request(), 401);
});

Deno.test("GET /installation/repositories requires an installation, and does not sort by push", async () => {
  const { github, bearer } = serveApp();
  await using _ = github;
  const pushes = ["2025-03-01T00:00:00Z", "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"];
  for (const [i, pushed_at] of pushes.entries()) {
    github.world.addRepository({ full_name: `octo-org/${i}`, pushed_at });
  }
  const { json: issued } = await github.request(TOKENS_PATH, { method: "POST", headers: bearer() });
  const headers = { authorization: `Bearer ${issued.token}` };
  const { json, headers: responseHeaders } = await github.request(
    "/installation/repositories?sort=pushed&per_page=2",
    {
      headers,
    },
  );
  assertObjectMatch(json, { total_count: 3, repositories: [{ name: "0" }, { name: "1" }] });
  assertMatch(responseHeaders.get("link") ?? "", /page=2>; rel="next"/);
  assertEquals((await github.request("/installation/repositories")).status, 403);
  assertEquals((await github.request("/user/repos", { headers })).status, 403);
  assertEquals((await github.request("/user", { headers })).status, 403);
});

Deno.test("POST access_tokens rejects the same JWTs as GitHub", async () => {
  const { github, bearer, now } = serveApp();
  await using _ = github;
  const request = async (headers: Record<string, string>) => {
    const { status, json } = await github.request(TOKENS_PATH, { method: "POST", headers });
    return `${status} ${json.message}`;
  };
  const undecodable = "401 A JSON web token could not be decoded";
  assertEquals(await request(bearer({}, { key: newKeys().privateKey })), undecodable);
  assertEquals(await request(bearer({}, { alg: "HS256" })), undecodable);
  assertEquals(await request({ authorization: "Bearer a.b.c" }), undecodable);
  assertEquals(await request({}), undecodable);
  assertEquals(await request({ authorization: "none" }), undecodable);
  assertMatch(
    await request(bearer({ exp: now() })),
    /^401 'Expiration time' claim \('exp'\) must be/,
  );
  assertMatch(
    await request(bearer({ exp: "soon" })),
    /^401 'Expiration time' claim \('exp'\) must be/,
  );
  assertMatch(
    await request(bearer({ exp: now() + 601 })),
    /^401 'Expiration time' claim \('exp'\) is too far/,
  );
  assertMatch(
    await request(bearer({ iat: now() + 1 })),
    /^401 'Issued at' claim \('iat'\) must be/,
  );
  assertEquals(await request(bearer({ iss: 6 })), "404 Integration not found");
  assertEquals((await request(bearer({ exp: now() + 600 }))).slice(0, 3), "201");
});

Deno.test("POST access_tokens does not find another app's installation", async () => {
  const { github, bearer } = serveApp();
  await using _ = github;
  const path = "/app/installations/10/access_tokens";
  assertEquals((await github.request(path, { method: "POST", headers: bearer() })).status, 404);
});

Deno.test("POST access_tokens accepts any signature without a public key", async () => {
  const { bearer, github: withKey } = serveApp();
  await withKey[Symbol.asyncDispose]();
  await using github = serve();
  assertEquals(
    (await github.request(TOKENS_PATH, { method: "POST", headers: bearer() })).status,
    201,
  );
});

Deno.test("Octokit authenticates as an installation and reads the repositories", async () => {
  const { publicKey, privateKey } = newKeys();
  const world = new World({ clock: systemClock });
  world.addRepository({ full_name: "octo-org/api" });
  const app = { id: 5, publicKey, installations: [9] };
  const simulator = new Simulator({ world, clock: systemClock, app });
  const stop = new AbortController();
  const { url, finished } = simulator.listen({
    hostname: "127.0.0.1",
    port: 0,
    signal: stop.signal,
  });
  const octokit = new Octokit({
    baseUrl: `${url}/api/v3`,
    authStrategy: createAppAuth,
    auth: { appId: 5, privateKey, installationId: 9 },
  });
  const { data } = await octokit.request("GET /installation/repositories");
  stop.abort();
  await finished;
  assertEquals(data.repositories.map(({ full_name }) => full_name), ["octo-org/api"]);
});
