import { assertEquals, assertObjectMatch, assertThrows } from "@std/assert";
import { setUpOAuthApp } from "../auth/oauth_setup.ts";
import { serveWithWebhooks, WebhookReceiver } from "../webhooks/webhook_setup.ts";

const SECRET = "octo-org/secret";

function setUpRepositories(kind: "oauth_app" | "github_app" = "oauth_app") {
  const github = setUpOAuthApp(kind);
  github.world.addRepository({ full_name: "octo-org/open" });
  github.world.addRepository({ full_name: SECRET, private: true });
  github.world.addRepository({ full_name: "mona/own", private: true });
  const token = github.simulator.signIn("mona", "Iv1.a");
  const status = async (path: string) => (await github.request(path, github.bearer(token))).status;
  return { ...github, token, status };
}

Deno.test("A user token only shows what the user may read, on every route", async () => {
  await using github = setUpRepositories();
  const { id } = github.world.repository(SECRET) ?? {};
  const run = github.world.addRun(SECRET);
  const paths = [
    `/repos/${SECRET}`,
    `/repos/${SECRET}/actions/runs`,
    `/repos/${SECRET}/actions/runs/${run.id}`,
    `/repos/${SECRET}/actions/runs/${run.id}/jobs`,
    `/repos/${SECRET}/actions/workflows`,
    `/repos/${SECRET}/hooks`,
    `/repositories/${id}`,
    `/repositories/${id}/actions/runs`,
  ];
  for (const path of paths) assertEquals(await github.status(path), 404, path);
  github.world.users.grant("mona", SECRET);
  for (const path of paths) assertEquals(await github.status(path), 200, path);
  github.world.users.revoke("mona", SECRET);
  for (const path of paths) assertEquals(await github.status(path), 404, path);
  assertEquals(await github.status("/repos/octo-org/open"), 200);
  assertEquals(await github.status("/repos/mona/own"), 200);
  github.world.renameRepository(SECRET, "octo-org/moved");
  // A redirect would reveal it, too.
  const manual = { ...github.bearer(github.token), redirect: "manual" as const };
  assertEquals((await github.request(`/repos/${SECRET}`, manual)).status, 404);
});

Deno.test("GET /user/repos lists repositories the user is affiliated with", async () => {
  await using github = setUpRepositories();
  const names = async () =>
    (await github.request("/user/repos", github.bearer(github.token))).list.map((each) =>
      each.full_name
    );
  assertEquals(await names(), ["mona/own"]);
  github.world.users.grant("mona", SECRET);
  assertEquals(await names(), ["mona/own", SECRET]);
  // Tokens without a grant see everything.
  assertEquals((await github.request("/user/repos")).list.length, 3);
});

Deno.test("A user token of a GitHub App only reaches repositories with an installation", async () => {
  await using github = setUpRepositories("github_app");
  github.world.users.uninstall("mona/own");
  assertEquals(await github.status("/repos/mona/own"), 404);
  assertEquals(await github.status("/repos/octo-org/open"), 200);
  github.world.users.install();
  assertEquals(await github.status("/repos/mona/own"), 200);
});

Deno.test("GET /user/memberships/orgs and /user/orgs list organizations, and require the scope", async () => {
  await using github = setUpRepositories();
  const { world, simulator, token, bearer, request } = github;
  world.users.join("mona", "other-org");
  const memberships = (await request("/user/memberships/orgs?state=active", bearer(token))).list;
  assertObjectMatch(Object(memberships[1]), {
    state: "active",
    organization: { login: "other-org" },
    user: { id: 7 },
  });
  assertEquals((await request("/user/memberships/orgs?state=pending", bearer(token))).list, []);
  const logins = (await request("/user/orgs", bearer(token))).list.map(({ login }) => login);
  assertEquals(logins, ["octo-org", "other-org"]);
  const narrow = simulator.signIn("mona", "Iv1.a", ["repo"]);
  assertEquals((await request("/user/orgs", bearer(narrow))).status, 403);
  assertEquals((await request("/user/orgs", { headers: { authorization: "none" } })).status, 401);
});

Deno.test("Users.leave() revokes only the grants in the organization", async () => {
  await using github = setUpRepositories();
  github.world.addRepository({ full_name: "other-org/secret", private: true });
  for (const name of [SECRET, "other-org/secret"]) github.world.users.grant("mona", name);
  github.world.users.leave("mona", "Octo-Org");
  assertEquals(github.world.users.find("MONA")?.organizations, []);
  assertEquals(await github.status(`/repos/${SECRET}`), 404);
  assertEquals(await github.status("/repos/other-org/secret"), 200);
});

Deno.test("Users.grant() names an unknown user or repository", () => {
  const { world, ...github } = setUpRepositories();
  const { users } = world;
  assertThrows(() => users.grant("hubot", SECRET), Error, "User hubot not found");
  assertThrows(
    () => users.grant("mona", "octo-org/none"),
    Error,
    "Repository octo-org/none not found",
  );
  return github[Symbol.asyncDispose]();
});

Deno.test("Webhooks report permission changes: of their repository, or of all for the App", async () => {
  await using github = serveWithWebhooks({ app: { id: 5, installations: [9] } });
  await using repositoryReceiver = new WebhookReceiver();
  await using appReceiver = new WebhookReceiver();
  const { world, simulator } = github;
  world.addRepository({ full_name: SECRET, private: true });
  world.users.add({ login: "mona", id: 7 });
  simulator.registerOAuthApp({ clientId: "Iv1.a", clientSecret: "shh", kind: "github_app" });
  simulator.signIn("mona", "Iv1.a");
  simulator.webhooks.add(SECRET, { url: repositoryReceiver.url, events: ["*"] });
  simulator.webhooks.addToApp({ url: appReceiver.url, events: ["member", "organization"] });
  world.users.grant("mona", SECRET);
  world.users.join("mona", "octo-org");
  world.users.uninstall(SECRET);
  world.users.uninstall();
  world.users.leave("mona", "octo-org");
  simulator.revokeAuthorization("mona");
  world.users.revoke("mona", SECRET);
  const received = await appReceiver.waitForCount(7);
  assertEquals(appReceiver.receivedNames, [
    "member added",
    "organization member_added",
    "installation_repositories removed",
    "installation deleted",
    "organization member_removed",
    "github_app_authorization revoked",
    "member removed",
  ]);
  assertEquals(repositoryReceiver.receivedNames, ["member added", "member removed"]);
  const [member, organization, one, all, , revoked] = received.map(({ body }) => JSON.parse(body));
  assertObjectMatch(member, {
    member: { id: 7 },
    repository: { full_name: SECRET },
    installation: { id: 9 },
  });
  assertObjectMatch(organization, {
    membership: { user: { login: "mona" } },
    organization: { login: "octo-org" },
  });
  assertObjectMatch(one, {
    repositories_added: [],
    repositories_removed: [{ full_name: SECRET, private: true }],
  });
  assertObjectMatch(all, { repositories: [{ full_name: SECRET }] });
  assertEquals(revoked.sender.id, 7);
});
