import { assertEquals, assertMatch, assertNotMatch, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { generateKeyPairSync, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import { UsageError } from "../../src/errors.ts";
import { ResponseCache } from "../../src/github/response_cache.ts";
import { GitHub } from "../../src/github/client.ts";
import type { AppCredential } from "../../src/github/credential.ts";
import { FakeServer, neverAborted, rejectedGitHubError, respondWithEtag } from "./fake_server.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const HOUR_MS = 3_600_000;
const cache = new ResponseCache(z.unknown());

function pem(type: "pkcs1" | "pkcs8"): string {
  return privateKey.export({ type, format: "pem" }).toString();
}

function app(key = pem("pkcs1")): AppCredential {
  return { appId: "12", privateKey: key, installationId: 34 };
}

/** The claims of a JWT signed by the App. */
function verifyClaims(authorization: string | null | undefined): Record<string, unknown> {
  const jwt = /^bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? "";
  const [head = "", body = "", signature = ""] = jwt.split(".");
  const signed = Buffer.from(`${head}.${body}`);
  const isValid = verify("RSA-SHA256", signed, publicKey, Buffer.from(signature, "base64url"));
  if (!isValid) throw new Error(`Not signed by the App: ${authorization}`);
  return z.record(z.string(), z.unknown()).parse(
    JSON.parse(Buffer.from(body, "base64url").toString()),
  );
}

/** Issues the tokens `t1`, `t2` …, each valid for an hour by GitHub's clock, and answers other requests itself. */
function serveInstallation(
  answer: (request: Request) => Response,
  githubIsAheadBy = 0,
): FakeServer {
  let tokens = 0;
  return new FakeServer((request) => {
    if (!request.url.endsWith("/app/installations/34/access_tokens")) return answer(request);
    const now = Date.now() + githubIsAheadBy;
    const expires_at = new Date(now + HOUR_MS).toISOString();
    const headers = { date: new Date(now).toUTCString(), "x-ratelimit-limit": "1" };
    return Response.json({ token: `t${++tokens}`, expires_at }, { status: 201, headers });
  });
}

for (
  const [form, key] of [
    ["PKCS#1", pem("pkcs1")],
    ["PKCS#8", pem("pkcs8")],
    ["PKCS#1 with \\n written as two characters", pem("pkcs1").replaceAll("\n", "\\n")],
    ["PKCS#8 with \\n written as two characters", pem("pkcs8").replaceAll("\n", "\\n")],
  ] as const
) {
  Deno.test(`GitHub authenticates as an installation with a key in ${form}`, async () => {
    await using server = serveInstallation(() => Response.json("fine"));
    const github = server.github(app(key));
    for (const _ of [1, 2]) await github.get(cache, "/thing", { signal: neverAborted });
    const [first, ...rest] = server.sentHeaders("authorization");
    assertEquals(String(verifyClaims(first).iss), "12");
    assertEquals(rest, ["token t1", "token t1"]);
  });
}

for (
  const [what, key] of [
    ["nothing", ""],
    ["no PEM", "hunter2"],
    ["a broken key", pem("pkcs1").replace("MII", "hunter2")],
    ["a public key", publicKey.export({ type: "spki", format: "pem" }).toString()],
    [
      "another kind of key",
      generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
        type: "pkcs8",
        format: "pem",
      }).toString(),
    ],
  ] as const
) {
  Deno.test(`GitHub names the valid formats of a private key, but not the key, given ${what}`, () => {
    const create = () =>
      new GitHub({ credential: app(key), baseUrl: "http://x", version: "0", clock: systemClock });
    const error = assertThrows(create, UsageError);
    assertMatch(error.message, /PKCS#1 .* or PKCS#8/);
    const inside = key.replaceAll(/-----.*?-----|\s/g, "").slice(0, 20);
    if (inside) assertEquals(Deno.inspect(error).includes(inside), false);
  });
}

Deno.test("GitHub renews an installation token before it expires, and its ETags with it", async () => {
  using time = new FakeTime("2026-01-01T12:00:00Z");
  await using server = serveInstallation((request) => respondWithEtag(request, "same"));
  const github = server.github(app());
  const get = () => github.get(cache, "/thing", { signal: neverAborted });
  await get();
  await time.tickAsync(HOUR_MS - 62_000);
  await get();
  await time.tickAsync(2_000);
  await get();
  await get();
  const things = server.requests.filter(({ url }) => url.pathname === "/thing");
  const sent = things.map((
    { headers },
  ) => [headers.get("authorization"), headers.get("if-none-match")]);
  assertEquals(sent, [
    ["token t1", null],
    ["token t1", 'W/"6-token t1"'],
    ["token t2", null],
    ["token t2", 'W/"6-token t2"'],
  ]);
});

Deno.test("GitHub measures the lifetime of a token by GitHub's clock", async () => {
  using time = new FakeTime();
  await using server = serveInstallation(() => Response.json("fine"), -2 * HOUR_MS);
  const github = server.github(app());
  const get = () => github.get(cache, "/thing", { signal: neverAborted });
  await get();
  await time.tickAsync(HOUR_MS / 2);
  await get();
  assertEquals(server.sentHeaders("authorization").slice(1), ["token t1", "token t1"]);
});

Deno.test("GitHub signs again by GitHub's clock if the local clock is far ahead", async () => {
  const date = new Date(Math.floor(Date.now() / 1_000 - 3_600) * 1_000);
  await using server = new FakeServer((_request, count) => {
    if (count === 1) {
      const message = "'Expiration time' claim ('exp') is too far in the future";
      return Response.json({ message }, { status: 401, headers: { date: date.toUTCString() } });
    }
    return Response.json({ token: "t1", expires_at: new Date(Date.now() + HOUR_MS).toISOString() });
  });
  await server.github(app()).get(new ResponseCache(z.unknown()), "/thing", {
    signal: neverAborted,
  });
  const expiry = Number(verifyClaims(server.sentHeaders("authorization")[1]).exp) * 1_000;
  const lifetime = (expiry - date.getTime()) / 60_000;
  assertEquals(lifetime > 5 && lifetime <= 10, true, `${lifetime} minutes by GitHub's clock`);
});

Deno.test("GitHub fetches a new installation token after a 401", async () => {
  using time = new FakeTime();
  await using server = serveInstallation((request) =>
    request.headers.get("authorization") === "token t1"
      ? Response.json({ message: "Bad credentials" }, { status: 401 })
      : Response.json("fine")
  );
  const github = server.github(app());
  const get = () => github.get(cache, "/thing", { signal: neverAborted });
  assertEquals(
    (await rejectedGitHubError(get())).failure,
    { kind: "unavailable" },
    "a token this new may be accepted yet",
  );
  await time.tickAsync(5_000);
  assertEquals((await rejectedGitHubError(get())).failure, { kind: "unauthorized" });
  assertEquals((await get()).value, "fine");
  assertEquals(server.sentHeaders("authorization").slice(-1), ["token t2"]);
});

for (
  const [status, message, kind] of [
    [401, "A JSON web token could not be decoded", "unauthorized"],
    [403, "This installation has been suspended", "unauthorized"],
    [404, "Not Found", "unauthorized"],
    [403, "You have exceeded a secondary rate limit", "rate_limited"],
    [502, "Server Error", "unavailable"],
  ] as const
) {
  Deno.test(`GitHub fails as ${kind} when the installation token request returns ${status} "${message}"`, async () => {
    await using server = new FakeServer(() => Response.json({ message }, { status }));
    const error = await rejectedGitHubError(
      server.github(app()).get(cache, "/thing", { signal: neverAborted }),
    );
    assertEquals(error.failure.kind, kind);
    const answered = "GitHub answered POST /app/installations/34/access_tokens";
    assertMatch(error.message, new RegExp(`${answered} with ${status}: ${message}$`));
    assertEquals(
      /^GitHub issued no token for installation 34/.test(error.message),
      kind === "unauthorized" && status !== 401,
    );
    assertNotMatch(Deno.inspect(error, { depth: 10 }), /bearer ey/i);
  });
}

Deno.test("GitHub rejects an installation token without an expiry", async () => {
  await using server = new FakeServer(() =>
    Response.json({ token: "ghs_secret" }, { status: 201 })
  );
  const error = await rejectedGitHubError(
    server.github(app()).get(cache, "/thing", { signal: neverAborted }),
  );
  assertEquals(error.failure, { kind: "unavailable" });
  assertMatch(error.message, /access_tokens is not as documented: expires_at: /);
});

Deno.test("GitHub.rateLimit is the installation's, not the App's", async () => {
  await using server = serveInstallation(() => Response.json("fine"));
  const github = server.github(app());
  await github.get(cache, "/thing", { signal: neverAborted });
  assertEquals(github.rateLimit, undefined);
});
