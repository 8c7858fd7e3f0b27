import { assert, assertEquals } from "@std/assert";
import { WEBHOOK_SECRET } from "../fakes/fixtures/delivery.ts";
import { TemporaryFolder } from "../fakes/folder.ts";
import { CapturedLog } from "../fakes/log.ts";
import { LoginApp, OAUTH_CLIENT, SESSION_SECRET } from "../fakes/apps/login_app.ts";
import { Program } from "../fakes/program.ts";
import { runSecretsScenario } from "../fakes/apps/secrets_scenario.ts";
import { waitUntil } from "../fakes/wait.ts";
import { SimulatedGitHub, TOKEN } from "./github.ts";

/** User tokens: ghu_, ghr_, gho_. */
const USER_TOKEN = /gh[uro]_\w{10}/;

/** The secrets in a text. */
function findSecrets(text: string, secrets: readonly string[]): readonly string[] {
  const found = secrets.filter((secret) => text.includes(secret));
  return [...found, ...text.match(USER_TOKEN) ?? []];
}

async function fetchHealth(url: string) {
  return await (await fetch(`${url}/health`)).json();
}

async function readAllFiles(folder: TemporaryFolder): Promise<string> {
  const files = (await folder.files()).map((path) => Deno.readFile(path));
  return (await Promise.all(files)).map((bytes) => new TextDecoder("latin1").decode(bytes)).join();
}

Deno.test("runwire serve writes no secret to its log or its database", async () => {
  await using folder = await TemporaryFolder.create();
  await using github = new SimulatedGitHub();
  for (const login of ["mona", "hubot", "nat"]) github.world.users.add({ login });
  github.simulator.registerOAuthApp({ ...OAUTH_CLIENT, kind: "github_app" });
  await using program = await Program.start(["serve"], {
    ...github.environment,
    DATABASE_URL: `sqlite:${folder.path}/runwire.db`,
    LOG_LEVEL: "debug",
    POLL_WHEN: "always",
    GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
    GITHUB_OAUTH_CLIENT_ID: OAUTH_CLIENT.clientId,
    GITHUB_OAUTH_CLIENT_SECRET: OAUTH_CLIENT.clientSecret,
    SESSION_SECRET,
    ADMIN_LOGINS: "mona",
  });
  const url = await program.url();
  // The scenario needs the repositories of the first poll.
  await waitUntil(
    async () => (await fetchHealth(url)).github.last_success_at !== null,
    "GitHub has received a request",
  );
  const found = await runSecretsScenario({ url, simulator: github.simulator });
  assert(found.length > 15);
  const secrets = [...found, TOKEN, WEBHOOK_SECRET, OAUTH_CLIENT.clientSecret, SESSION_SECRET];
  assertEquals(findSecrets(await readAllFiles(folder), secrets), [], "in the database");
  program.kill("SIGTERM");
  assertEquals(await program.exit(), 0);
  await program.stderr.find(/Signed out user \S+/);
  assertEquals(findSecrets(program.output, secrets), [], "in the log");
  assertEquals(findSecrets(await readAllFiles(folder), secrets), [], "in the database");
});

Deno.test("No log record contains a secret, even before redaction", async () => {
  await using log = await new CapturedLog().start();
  const app = await new LoginApp({ kind: "github_app" }).start();
  app.world.addRepository({ full_name: "octo/app" });
  await app.waitForFirstRun("octo/app");
  const found = await runSecretsScenario({ url: app.url, simulator: app.simulator });
  await app.stop();
  const secrets = [...found, WEBHOOK_SECRET, OAUTH_CLIENT.clientSecret, SESSION_SECRET];
  const text = log.records.map(({ message, properties }) =>
    `${message.join("")} ${JSON.stringify(properties)}`
  ).join("\n");
  assert(log.lines.some((line) => /Signed out user \S+/.test(line)));
  assertEquals(findSecrets(text, secrets), []);
});
