import { assertEquals, assertMatch } from "@std/assert";
import { setUpOAuthApp } from "./auth/oauth_setup.ts";

const QUERY = `query ($owner: String!) {
  open: repository(owner: $owner, name: "open") { databaseId nameWithOwner isPrivate }
  secret: repository(owner: $owner, name: "secret") { databaseId }
  viewer { login databaseId }
}`;

function setUpRepositories() {
  const github = setUpOAuthApp();
  const open = github.world.addRepository({ full_name: "octo-org/open" });
  const secret = github.world.addRepository({ full_name: "octo-org/secret", private: true });
  const token = github.simulator.signIn("mona", "Iv1.a");
  const query = async (body: unknown, authorization = `Bearer ${token}`, path = "/graphql") =>
    await github.request(path, {
      method: "POST",
      headers: { authorization },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  return { ...github, open, secret, token, query };
}

Deno.test("POST /graphql returns readable repositories, and NOT_FOUND for the rest", async () => {
  await using github = setUpRepositories();
  const { open, secret } = github;
  const request = { query: QUERY, variables: { owner: "Octo-Org" } };
  const { status, json, headers } = await github.query(request);
  assertEquals(status, 200);
  const data = {
    open: { databaseId: open.id, nameWithOwner: "octo-org/open", isPrivate: false },
    secret: null,
    viewer: { login: "mona", databaseId: 7 },
  };
  assertEquals(json, {
    data,
    errors: [{
      type: "NOT_FOUND",
      message: "Could not resolve to a Repository with the name 'Octo-Org/secret'.",
      locations: [{ line: 3, column: 3 }],
      path: ["secret"],
    }],
  });
  assertEquals(headers.get("x-ratelimit-resource"), "graphql");
  assertEquals(headers.get("etag"), null);
  github.world.users.grant("mona", "octo-org/secret");
  const granted = await github.query(request, undefined, "/api/graphql");
  assertEquals(granted.json, { data: { ...data, secret: { databaseId: secret.id } } });
});

Deno.test("POST /graphql follows a previous name unless followRenames is false", async () => {
  await using github = setUpRepositories();
  github.world.renameRepository("octo-org/open", "octo-org/now-open");
  const query = (follow: boolean) => ({
    query: `{ repository(owner: "octo-org", name: "open", followRenames: ${follow}) { name } }`,
  });
  assertEquals((await github.query(query(true))).json, {
    data: { repository: { name: "now-open" } },
  });
  assertEquals((await github.query(query(false))).json.data, { repository: null });
});

Deno.test("POST /graphql returns FORBIDDEN for a blocked repository", async () => {
  await using github = setUpRepositories();
  github.world.blockRepository("octo-org/open", 403);
  const query = '{ repository(owner: "octo-org", name: "open") { name } }';
  const { json } = await github.query({ query });
  assertEquals(Object(json.errors)[0].type, "FORBIDDEN");
});

Deno.test("POST /graphql requires a valid token", async () => {
  await using github = setUpRepositories();
  const request = { query: "{ viewer { login } }" };
  assertEquals((await github.query(request, "none")).status, 401);
  assertEquals((await github.query(request, "Bearer gho_unknown")).status, 401);
  assertEquals((await github.query(request, `Basic ${btoa("Iv1.a:shh")}`)).status, 401);
});

Deno.test("POST /graphql returns 200 for an invalid query", async () => {
  await using github = setUpRepositories();
  for (const body of ["", "[]", "{}", { query: 1 }, { query: "{" }, { query: "{ nothing }" }]) {
    const { status, json } = await github.query(body);
    assertEquals([status, "errors" in json, "data" in json], [200, true, false]);
  }
});

Deno.test("POST /graphql has a separate rate limit, and returns 200 when it is exhausted", async () => {
  await using github = setUpRepositories();
  github.simulator.graphqlLimits.set(github.token, { remaining: 1 });
  const request = { query: "{ viewer { login } }" };
  const last = await github.query(request);
  assertEquals(last.headers.get("x-ratelimit-remaining"), "0");
  assertEquals(last.json.data, { viewer: { login: "mona" } });
  const { status, json } = await github.query(request);
  assertEquals(status, 200);
  assertMatch(JSON.stringify(json), /^\{"errors":\[\{"type":"RATE_LIMITED"/);
  assertEquals((await github.request("/user", github.bearer(github.token))).status, 200);
});
